"""Threads that share a queue take every number, and none of them twice."""

from __future__ import annotations

import threading

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.kernels.work_queue import take
from sentinel.records import TimeArray

END = 200_000


@jit
def count_taken(queue: TimeArray, taken: TimeArray) -> None:
    number = take(queue)
    while number < len(taken):
        taken[number] += 1
        number = take(queue)


def test_every_number_is_taken_once_by_any_number_of_threads() -> None:
    queue, taken = np.zeros(1, np.int64), np.zeros(END, np.int64)
    count_taken(np.array([3]), np.zeros(0, np.int64))  # compiled before the race
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        count_taken(queue, taken)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.all(taken == 1)
    # Each thread learns from one number more that there are no others.
    assert queue[0] == END + len(threads)


def test_the_next_number_is_the_queues() -> None:
    queue, taken = np.array([5]), np.zeros(8, np.int64)
    count_taken(queue, taken)
    assert taken.tolist() == [0] * 5 + [1] * 3
    assert queue.tolist() == [9]
