"""Which kernels run: by what the machine has, by name, and never those that compute wrongly."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from sentinel.errors import ConfigError, ModelError
from sentinel.kernels.variants import AMX, AVX2, AVX512, PORTABLE, VARIANTS, Variant
from sentinel.model import reference
from sentinel.model.architecture import Architecture
from sentinel.model.carrying import StateCarrier
from sentinel.model.learning import Learner
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer
from sentinel.model.self_check import ERROR_MAX, duties, largest_error
from sentinel.runtime import kernels, tile_permission
from sentinel.runtime.kernels import choose, cpu_features, runnable, threads_of, why_not
from tests.kernels.lane_types import EVERY_VARIANT

# One that shares its compiled kernels with the other tests.
ARCHITECTURE = Architecture(3, 5)
FORECASTER = Architecture(3, 5, decoder_layers=0, forecast=True, horizons=4)
JOINT = Architecture(3, 5, forecast=True)
ZEN_5 = {"sse2", "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"}
HASWELL = {"sse2", "avx2", "fma"}
SAPPHIRE_RAPIDS = ZEN_5 | {"amx-tile", "amx-bf16", "amx-int8"}


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Errors of the self-checks by variant, 0 unless set; nothing is compiled."""
    errors = dict.fromkeys(VARIANTS, 0.0)
    monkeypatch.setattr(
        kernels, "largest_error", lambda backend, _, **__: errors[backend.variant.name]
    )
    monkeypatch.setattr(kernels, "cpu_features", lambda: frozenset(SAPPHIRE_RAPIDS))
    monkeypatch.setattr(kernels, "compile_ahead", lambda *_: None)
    monkeypatch.setattr(tile_permission, "refusal", lambda: "")
    return errors


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (SAPPHIRE_RAPIDS, [AMX, AVX512, AVX2, PORTABLE]),
        (SAPPHIRE_RAPIDS - {"amx-bf16"}, [AVX512, AVX2, PORTABLE]),
        (SAPPHIRE_RAPIDS - {"avx512f"}, [AVX2, PORTABLE]),
        (ZEN_5, [AVX512, AVX2, PORTABLE]),
        (HASWELL, [AVX2, PORTABLE]),
        (ZEN_5 - {"avx512vl"}, [AVX2, PORTABLE]),
        (HASWELL - {"fma"}, [PORTABLE]),
        ({"neon"}, [PORTABLE]),
        (set(), [PORTABLE]),
    ],
)
def test_a_machine_runs_what_it_has_every_feature_for(
    features: set[str], expected: list[Variant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_permission, "refusal", lambda: "")
    assert runnable(features) == expected


def test_without_leave_for_tiles_a_machine_with_amx_is_one_without(
    monkeypatch: pytest.MonkeyPatch, checked: dict[str, float]
) -> None:
    monkeypatch.setattr(tile_permission, "refusal", lambda: "Operation not supported")
    assert runnable(SAPPHIRE_RAPIDS) == [AVX512, AVX2, PORTABLE]
    reason = "its system refuses tile registers (Operation not supported)"
    assert why_not("amx", SAPPHIRE_RAPIDS) == reason
    assert why_not("avx512", SAPPHIRE_RAPIDS) == ""
    # As if there were none, and said only to those who ask for it.
    for deterministic in (True, False):
        choice = choose(ARCHITECTURE, environ={}, deterministic=deterministic)
        assert choice.backend.variant == AVX512
        assert choice.reason == "the fastest that runs here"
    with pytest.raises(ConfigError) as raised:
        choose(ARCHITECTURE, "amx", environ={})
    assert f'kernels "amx": this machine cannot run it: {reason}' in str(raised.value)


def test_leave_is_not_asked_for_where_there_is_no_amx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_permission, "refusal", lambda: pytest.fail("asked"))
    assert why_not("amx", ZEN_5) == "it has no amx-tile, amx-bf16"
    assert why_not("avx512", SAPPHIRE_RAPIDS) == ""


@pytest.mark.usefixtures("checked")
def test_amx_is_chosen_only_where_a_score_may_depend_on_its_batch() -> None:
    choice = choose(ARCHITECTURE, environ={}, deterministic=False)
    assert choice.backend == Backend(AMX, deterministic=False)
    assert choice.reason == "the fastest that runs here"


@pytest.mark.usefixtures("checked")
def test_amx_can_be_asked_for_and_then_serves_every_batch() -> None:
    for choice in (
        choose(ARCHITECTURE, "amx", environ={}),
        choose(ARCHITECTURE, environ={"SENTINEL_KERNELS": "amx"}),
    ):
        assert choice.backend == Backend(AMX, deterministic=True)


def test_the_features_are_those_of_this_machine() -> None:
    assert all(isinstance(name, str) for name in cpu_features())
    assert runnable(cpu_features())[-1] == PORTABLE


@pytest.mark.usefixtures("checked")
def test_the_fastest_is_chosen_where_none_is_asked_for() -> None:
    choice = choose(ARCHITECTURE, environ={})
    assert choice.backend.variant == AVX512
    assert choice.backend.deterministic
    assert choice.reason == (
        "the fastest that runs here for a single window and for many with the same bits"
    )
    assert choice.error == 0


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize("name", VARIANTS)
def test_a_name_forces_a_variant(name: str) -> None:
    choice = choose(ARCHITECTURE, name, environ={})
    assert choice.backend.variant == VARIANTS[name]
    assert choice.reason == f'asked for by "{name}"'


@pytest.mark.usefixtures("checked")
def test_the_environment_goes_before_the_configuration() -> None:
    choice = choose(ARCHITECTURE, "avx512", environ={"SENTINEL_KERNELS": "portable"})
    assert choice.backend.variant == PORTABLE
    assert choice.reason == "asked for by SENTINEL_KERNELS=portable"
    # As if it were not set.
    assert choose(ARCHITECTURE, "avx2", environ={"SENTINEL_KERNELS": ""}).backend.variant == AVX2
    again = choose(ARCHITECTURE, "avx2", environ={"SENTINEL_KERNELS": "auto"})
    assert again.backend.variant == AVX512


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("fast", "auto, or one of: amx, avx512, avx2, portable"),
        ("AVX2", 'did you mean "avx2"?'),
        ("avx-512", 'did you mean "avx512"?'),
        ("Auto", 'did you mean "auto"?'),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_or_all(asked: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        choose(ARCHITECTURE, asked, environ={})
    assert str(raised.value) == f'kernels "{asked}": there is none; {hint}'
    with pytest.raises(ConfigError) as raised:
        choose(ARCHITECTURE, environ={"SENTINEL_KERNELS": asked})
    assert str(raised.value) == f"kernels SENTINEL_KERNELS={asked}: there is none; {hint}"


@pytest.mark.usefixtures("checked")
def test_a_variant_that_the_machine_cannot_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "cpu_features", lambda: frozenset(HASWELL))
    with pytest.raises(ConfigError, match='kernels "avx512": this machine cannot run it') as raised:
        choose(ARCHITECTURE, "avx512", environ={})
    assert "auto, or one of: avx2, portable" in (raised.value.hint or "")


@pytest.mark.parametrize("wrong", [2 * ERROR_MAX, float("inf"), float("nan")])
def test_a_variant_that_computes_wrongly_is_dropped_with_a_warning(
    checked: dict[str, float], wrong: float, caplog: pytest.LogCaptureFixture
) -> None:
    checked["avx512"] = wrong
    with caplog.at_level(logging.WARNING):
        choice = choose(ARCHITECTURE, environ={})
    assert choice.backend.variant == AVX2
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "kernels avx512 failed their self-check" in record.getMessage()


def test_where_every_variant_computes_wrongly_nothing_runs(checked: dict[str, float]) -> None:
    checked["avx2"] = 1.0
    with pytest.raises(ModelError, match="kernels avx2: wrong results in the self-check"):
        choose(ARCHITECTURE, "avx2", environ={})


def test_an_error_at_the_limit_passes(checked: dict[str, float]) -> None:
    checked["avx512"] = ERROR_MAX
    assert choose(ARCHITECTURE, environ={}).backend.variant == AVX512


@pytest.mark.usefixtures("checked")
def test_threads_are_as_many_as_asked_for_or_as_there_are_cpus(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernels.os, "sched_getaffinity", lambda _: {0, 2, 5})
    assert threads_of(4) == 4
    assert threads_of(0) == 3
    assert choose(ARCHITECTURE, threads=0, environ={}).backend.threads == 3
    assert choose(ARCHITECTURE, threads=2, environ={}).backend.threads == 2
    assert choose(ARCHITECTURE, environ={}).backend.threads == 1


@pytest.mark.parametrize("training", [False, True], ids=["used", "trained"])
def test_what_is_compiled_and_checked_is_what_the_model_will_use(
    training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not its threads, and no kernel that is of no use to it."""
    ahead: list[tuple[str, int]] = []
    checked: list[list[str]] = []

    def compiled(name: str, groups: list[list[object]]) -> None:
        ahead.append((name, sum(len(group) for group in groups)))

    def error(backend: Backend, architecture: Architecture, *, training: bool) -> float:
        checked.append([duty.name for duty in duties(architecture, training=training)])
        return 0.0

    monkeypatch.setattr(kernels, "compile_ahead", compiled)
    monkeypatch.setattr(kernels, "largest_error", error)
    for architecture in (ARCHITECTURE, FORECASTER, JOINT):
        choose(architecture, "portable", environ={}, training=training)
    used = [["scoring"], ["carrying"], ["scoring", "carrying"]]
    if training:
        used = [["training", *names] for names in used]
    assert checked == used
    # For many windows, for few, for one; for many states and for one; training has but one.
    assert [count for _, count in ahead] == [3 + training, 2 + training, 5 + training]
    tile = PORTABLE.one_for(5).name
    assert [name for name, _ in ahead] == ["-".join(["portable", tile, *one]) for one in used]


@pytest.mark.parametrize("training", [False, True], ids=["used", "trained"])
@pytest.mark.parametrize("architecture", [ARCHITECTURE, FORECASTER, JOINT])
def test_after_the_choice_no_kernel_of_the_model_is_compiled(
    architecture: Architecture, training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = choose(architecture, environ={}, training=training).backend
    entries: set[object] = set()

    def compiled(kernel: Dispatcher, signature: tuple[object, ...]) -> object:
        assert signature in kernel.overloads, f"{kernel.py_func.__name__} was not compiled"
        entries.add(kernel.py_func.__name__)
        return compile_it(kernel, signature)

    compile_it = Dispatcher.compile
    monkeypatch.setattr(Dispatcher, "compile", compiled)
    parameters = Parameters.initial(architecture, np.random.default_rng(0))
    expected = set()
    if architecture.decoder_layers:
        WindowScorer(parameters, 7, backend)
        expected |= {"score_many", "score_few"}
    if architecture.forecast:
        StateCarrier(parameters, 7, backend)
        expected |= {"advance_many", "advance_few"}
    if training:
        Learner(architecture, 7, backend).team.close()
        expected |= {"train_tiles"}
    assert entries == expected


@pytest.mark.parametrize("name", EVERY_VARIANT)
@pytest.mark.parametrize(
    "architecture",
    [
        ARCHITECTURE,
        Architecture(3, 5, 2, 2, bidirectional=True, dropout=0.3),
        FORECASTER,
        JOINT,
    ],
    ids=["plain", "deep", "forecasts alone", "joint"],
)
def test_every_variant_passes_its_self_check(name: str, architecture: Architecture) -> None:
    error = largest_error(Backend(VARIANTS[name]), architecture, training=True)
    assert 0 < error < ERROR_MAX / 3


@pytest.mark.parametrize(
    ("duty", "of_reference"),
    [("scoring", "reconstruct"), ("carrying", "forecasts"), ("training", "loss")],
)
def test_the_self_check_of_each_duty_fails_where_kernels_and_reference_differ(
    duty: str, of_reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checked,) = [one for one in duties(JOINT, training=True) if one.name == duty]

    def error() -> float:
        rng = np.random.default_rng(0)
        return checked.error(Parameters.initial(JOINT, rng), Backend(PORTABLE), rng)

    right = getattr(reference, of_reference)
    assert error() < ERROR_MAX
    for wrong in (1 + 1e-3, float("nan")):
        monkeypatch.setattr(reference, of_reference, lambda p, x, wrong=wrong: right(p, x) * wrong)
        assert not error() <= ERROR_MAX
        assert not largest_error(Backend(PORTABLE), JOINT, training=True) <= ERROR_MAX


def test_states_that_are_not_carried_on_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    advance = StateCarrier.advance
    monkeypatch.setattr(
        StateCarrier,
        "advance",
        lambda self, states, *others: advance(self, np.zeros_like(states), *others),
    )
    assert largest_error(Backend(PORTABLE), JOINT) > ERROR_MAX
