"""Work is shared by the caller and the threads beside it."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

import sentinel.model.team as team_module
from sentinel.model.team import Team
from tests.waiting import wait_until


def test_each_part_is_run_once_in_a_thread_of_its_own_and_the_first_by_the_caller() -> None:
    team, threads, together = Team(3), {}, threading.Barrier(3, timeout=10)

    def work(part: int) -> None:
        together.wait()
        assert part not in threads
        threads[part] = threading.get_ident()

    team.share(3, work)
    team.close()
    assert sorted(threads) == [0, 1, 2]
    assert threads[0] == threading.get_ident()
    assert len(set(threads.values())) == 3


def test_alone_the_caller_does_all_and_no_thread_is_started() -> None:
    before = threading.active_count()
    team, parts = Team(1), []
    team.share(1, parts.append)
    assert parts == [0]
    assert threading.active_count() == before


@pytest.mark.parametrize("broken", [0, 1])
def test_an_error_of_one_part_is_raised_when_no_other_still_runs(broken: int) -> None:
    team, failed, ended = Team(2), threading.Event(), []

    def work(part: int) -> None:
        if part == broken:
            failed.set()
            raise ValueError(f"part {part}")
        assert failed.wait(timeout=10)
        ended.append(part)

    with pytest.raises(ValueError, match=f"part {broken}"):
        team.share(2, work)
    assert ended == [1 - broken]
    team.close()


@pytest.mark.parametrize("looks", [0, 1, 4000])
def test_no_piece_of_work_is_lost_or_done_twice(
    looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the others see the next piece, or are asleep when it comes, or about to be."""
    monkeypatch.setattr(team_module, "LOOKS", looks)
    team, done = Team(3), [0, 0, 0]

    def work(part: int) -> None:
        done[part] += 1

    for piece in range(1, 2001):
        team.share(3, work)
        assert done == [piece] * 3
    team.close()


def test_a_part_that_ends_while_the_caller_looks_is_not_waited_for() -> None:
    """Whatever lies between two looks of the caller's at what is done."""
    team = Team(2)
    team.share(2, lambda part: None)
    [other] = team._others

    class Observed(team_module._Count):
        """The other has done its part before the caller, who has just looked, goes on."""

        def __getattribute__(self, name: str) -> Any:
            found = object.__getattribute__(self, name)
            if name == "value" and threading.current_thread() is caller:
                wait_until(lambda: object.__getattribute__(self, name) == other.begun.value)
            return found

    other.done.__class__ = Observed
    caller = threading.Thread(target=team.share, args=(2, lambda part: None), daemon=True)
    caller.start()
    caller.join(timeout=10)
    assert not caller.is_alive()


def test_who_fell_asleep_is_woken() -> None:
    team, parts = Team(2), []
    team.share(2, lambda part: None)
    [other] = team._others
    wait_until(lambda: other.begun._asleep)
    team.share(2, parts.append)
    assert sorted(parts) == [0, 1]
    team.close()


def test_an_interrupt_between_sign_and_bell_delays_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(team_module, "SLEEP_MAX_S", 0.01)
    team, parts = Team(2), []
    team.share(2, lambda part: None)
    [other] = team._others
    wait_until(lambda: other.begun._asleep)
    monkeypatch.setattr(other.begun._bell, "release", lambda: None)
    team.share(2, parts.append)
    assert sorted(parts) == [0, 1]
    team.close()


def test_fewer_threads_than_before_may_share_the_next_piece() -> None:
    team, parts = Team(3), []
    for threads in (3, 1, 2, 3):
        team.share(threads, parts.append)
        assert sorted(parts) == list(range(threads))
        parts.clear()
    team.close()


def test_a_team_that_nobody_has_any_more_ends_its_threads() -> None:
    class Owner:
        def __init__(self) -> None:
            self.team = Team(2)
            self.team.share(2, self.work)

        def work(self, part: int) -> None:
            pass

    owner = Owner()
    gone, [other] = weakref.ref(owner), owner.team._others
    del owner
    gc.collect()
    assert gone() is None
    assert not other.thread.is_alive()


def test_an_interrupted_call_is_over_before_the_next_one_begins() -> None:
    """Whoever pressed Ctrl-C does not wait; the part that still runs is done once, and no other."""
    team, begun, go, parts = Team(2), threading.Event(), threading.Event(), []

    def slow(part: int) -> None:
        if part == 1:
            begun.set()
            assert go.wait(timeout=10)
            parts.append("slow")
            raise ValueError("too late for its own call, and none of the next one's business")

    def interrupted(self: object) -> None:
        assert begun.wait(timeout=10)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(team_module._Helper, "end_of_work", interrupted)
        patch.setattr(team_module._Helper, "begin", _begin_at_once)
        with pytest.raises(KeyboardInterrupt):
            team.share(2, slow)
    threading.Timer(0.01, go.set).start()
    team.share(2, parts.append)
    assert parts == ["slow", 0, 1] or parts == ["slow", 1, 0]
    team.close()


def _begin_at_once(helper: team_module._Helper, work: team_module.Work) -> None:
    helper.work = work
    helper.begun.raise_by_one()


@pytest.mark.parametrize("broken", [0, 1])
def test_a_team_of_which_a_part_failed_ends_its_threads_without_a_collection(broken: int) -> None:
    def fail(part: int) -> None:
        if part == broken:
            raise ValueError(f"part {part}")

    gc.disable()
    try:
        team = Team(2)
        with pytest.raises(ValueError, match=f"part {broken}"):
            team.share(2, fail)
        [other] = team._others
        del team
        wait_until(lambda: not other.thread.is_alive())
    finally:
        gc.enable()
