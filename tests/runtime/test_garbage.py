"""The collector rests while a program starts, and only then."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from sentinel.runtime import kernels
from sentinel.runtime.garbage import collector_paused


@pytest.fixture(autouse=True)
def _enabled_afterwards() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_nothing_is_collected_until_the_end() -> None:
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_ends_the_pause() -> None:
    with pytest.raises(ValueError, match="no such kernel"), collector_paused():
        raise ValueError("no such kernel")
    assert gc.isenabled()


def test_whoever_has_switched_it_off_finds_it_off() -> None:
    gc.disable()
    with collector_paused():
        pass
    assert not gc.isenabled()


def test_kernels_are_compiled_and_checked_in_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def checked(*_: object, **__: object) -> float:
        found.append(gc.isenabled())
        return 0.0

    monkeypatch.setattr(kernels, "compile_ahead", checked)
    monkeypatch.setattr(kernels, "largest_error", checked)
    kernels.choose(kernels.Architecture(3, 5), environ={})
    assert found == [False, False]
    assert gc.isenabled()
