"""Other work waits while an answer is written, and still gets its turns."""

from __future__ import annotations

import threading

from desktop_app.throttle import SHARE, Throttle
from tests.helpers.waiting import wait_until


class Clock:
    """A clock that stands still unless it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """A thread that takes one turn."""

    def __init__(self, throttle: Throttle) -> None:
        self.begun = threading.Event()
        self._throttle = throttle
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        with self._throttle.turn():
            self.begun.set()

    def join(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


def test_without_an_answer_nobody_waits() -> None:
    throttle = Throttle(expected=1000.0)
    for _ in range(3):
        with throttle.turn():
            pass


def test_the_end_of_an_answer_lets_everybody_go_on() -> None:
    throttle = Throttle(expected=1000.0)
    throttle.set_answering(True)
    workers = [Worker(throttle) for _ in range(3)]
    assert not any(worker.begun.wait(0.02) for worker in workers)
    throttle.set_answering(False)
    for worker in workers:
        worker.join()


def test_turns_take_a_small_share_of_an_answer() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    throttle.set_answering(True)
    with throttle.turn():  # the first costs nobody anything yet
        clock.now += 1.0
    ended = clock.now
    assert throttle.next_turn() - ended == 1.0 / SHARE - 1.0
    worker = Worker(throttle)
    assert not worker.begun.wait(0.02)
    clock.now = throttle.next_turn()
    throttle.set_answering(True)  # wakes who waits; an answer that goes on begins no second time
    worker.join()
    assert throttle.next_turn() >= ended


def test_a_turn_that_took_long_is_not_waited_for_without_end() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock, longest=2.0)
    throttle.set_answering(True)
    with throttle.turn():
        clock.now += 60.0  # a slow disk
    assert throttle.next_turn() == clock.now + 2.0


def test_an_answer_begins_undisturbed() -> None:
    clock = Clock()
    throttle = Throttle(expected=0.2, clock=clock)
    clock.now += 50
    throttle.set_answering(True)
    worker = Worker(throttle)
    assert not worker.begun.wait(0.02)
    throttle.set_answering(False)
    worker.join()


def test_steps_are_handed_through() -> None:
    assert list(Throttle().paced([b"a", b"b"])) == [b"a", b"b"]


def test_a_step_is_over_when_the_next_is_asked_for_or_there_is_none() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    steps = throttle.paced([1, 2, 3])
    assert next(steps) == 1
    clock.now += 1.0
    throttle.set_answering(True)
    clock.now += 3.0
    throttle.set_answering(False)
    assert next(steps) == 2
    assert throttle.next_turn() - clock.now == 4.0 * (1 / SHARE - 1)
    steps.close()
    worker = Worker(throttle)
    worker.join()


def test_a_turn_that_fails_is_over() -> None:
    throttle = Throttle()
    try:
        with throttle.turn():
            raise ValueError
    except ValueError:
        pass
    worker = Worker(throttle)
    wait_until(worker.begun.is_set)
    worker.join()
