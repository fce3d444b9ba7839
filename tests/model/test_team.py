"""Work is shared by the caller and the threads beside it."""

from __future__ import annotations

import threading

import pytest

from sentinel.model.team import Team


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
