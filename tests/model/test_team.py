"""Work is shared by the caller and the threads beside it."""

from __future__ import annotations

import gc
import threading
import weakref

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


def test_who_fell_asleep_is_woken() -> None:
    team, parts = Team(2), []
    team.share(2, lambda part: None)
    [other] = team._others
    wait_until(lambda: other.begun._asleep)
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
