"""The engine's job queue: which command stops which."""

import pytest

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.job_queue import Job, JobQueue
from desktop_app.engine.messages import Ask, Forget, Load, PictureRef, ReadAhead, Stop, Turn

STAR, MOON = PictureRef("s", "/s.png", "s.png"), PictureRef("m", "/m.png", "m.png")
EARLIER = (Turn("a", (), "b"),)


@pytest.fixture
def interrupt() -> Interrupt:
    return Interrupt()


@pytest.fixture
def job_queue(interrupt: Interrupt) -> JobQueue:
    return JobQueue(interrupt)


def was_stopped(interrupt: Interrupt) -> bool:
    return interrupt.now


def is_to_stop_soon(interrupt: Interrupt) -> bool:
    return interrupt.soon


def test_jobs_are_done_in_order(job_queue: JobQueue) -> None:
    jobs: list[Job] = [Load(1, "m", None), Ask(2, (Turn("a"),)), Ask(3, (Turn("b"),))]
    for job in jobs:
        assert job_queue.add(job) == []
    assert [job_queue.next()[0] for _ in jobs] == jobs


def test_a_question_ends_reading_ahead_where_nothing_is_lost(job_queue: JobQueue, interrupt: Interrupt) -> None:
    job_queue.add(ReadAhead(1, EARLIER, (STAR,)))
    job_queue.next()
    job_queue.add(Ask(2, (*EARLIER, Turn("which?", (STAR,)))))
    assert interrupt.soon
    assert not interrupt.now


@pytest.mark.parametrize(
    "job",
    [
        Ask(2, (*EARLIER, Turn("which?"))),
        Ask(2, (*EARLIER, Turn("which?", (MOON, STAR)))),
        Ask(2, (Turn("which?", (STAR,)),)),
        Ask(2, (*EARLIER, Turn("which?", (STAR,))), system_prompt="other"),
        Ask(2, (*EARLIER, Turn("which?", (STAR,))), think=True),  # some models are told so at the start
        ReadAhead(2, EARLIER, ()),
        Load(2, "m", None),
    ],
)
def test_reading_ahead_in_vain_ends_at_once(
    job_queue: JobQueue, interrupt: Interrupt, job: Ask | ReadAhead | Load
) -> None:
    job_queue.add(ReadAhead(1, EARLIER, (STAR,)))
    job_queue.next()
    job_queue.add(job)
    assert interrupt.now


def test_a_further_picture_goes_on_from_the_first(job_queue: JobQueue, interrupt: Interrupt) -> None:
    job_queue.add(ReadAhead(1, EARLIER, (STAR,)))
    job_queue.next()
    job_queue.add(ReadAhead(2, EARLIER, (STAR, MOON)))
    assert interrupt.soon
    assert not interrupt.now


def test_a_text_that_goes_on_is_read_on(job_queue: JobQueue, interrupt: Interrupt) -> None:
    job_queue.add(ReadAhead(1, EARLIER, (STAR,), text="It was a"))
    job_queue.next()
    job_queue.add(ReadAhead(2, EARLIER, (STAR,), text="It was a dark"))
    job_queue.add(Ask(3, (*EARLIER, Turn("It was a dark night", (STAR,)))))
    assert interrupt.soon
    assert not interrupt.now


@pytest.mark.parametrize(
    "job",
    [
        ReadAhead(2, EARLIER, (STAR,), text="It is"),
        ReadAhead(2, EARLIER, (STAR,)),
        ReadAhead(2, EARLIER, (STAR, MOON), text="It was a"),
        Ask(2, (*EARLIER, Turn("It is", (STAR,)))),
    ],
)
def test_a_text_that_was_changed_is_given_up_at_once(
    job_queue: JobQueue, interrupt: Interrupt, job: Ask | ReadAhead
) -> None:
    job_queue.add(ReadAhead(1, EARLIER, (STAR,), text="It was a"))
    job_queue.next()
    job_queue.add(job)
    assert interrupt.now


def test_waiting_reading_ahead_is_overtaken(job_queue: JobQueue) -> None:
    waiting = ReadAhead(1, (), (STAR,))
    job_queue.add(waiting)
    assert job_queue.add(ReadAhead(2, (), (MOON,))) == [waiting]
    assert job_queue.next()[0].request == 2


def test_forgetting_waits_for_an_answer_and_ends_reading_ahead(job_queue: JobQueue, interrupt: Interrupt) -> None:
    ahead = ReadAhead(2, (), (STAR,))
    job_queue.add(Ask(1, (Turn("a"),)))
    job_queue.next()
    job_queue.add(ahead)
    assert job_queue.add(Forget(3)) == [ahead]
    assert not interrupt.now
    assert job_queue.next()[0] == Forget(3)


def test_an_answer_is_not_disturbed_by_later_questions(job_queue: JobQueue, interrupt: Interrupt) -> None:
    job_queue.add(Ask(1, (Turn("a"),)))
    job_queue.next()
    job_queue.add(ReadAhead(2, (), (STAR,)))
    job_queue.add(Ask(3, (Turn("b"),)))
    assert not interrupt.soon


def test_stop_ends_what_runs_and_only_that(job_queue: JobQueue, interrupt: Interrupt) -> None:
    job_queue.add(Ask(1, (Turn("a"),)))
    job_queue.add(Ask(2, (Turn("b"),)))
    job_queue.next()
    assert job_queue.stop(Stop(7)) == []
    assert not was_stopped(interrupt)
    assert job_queue.stop(Stop(1)) == []
    assert interrupt.now
    assert job_queue.next()[0].request == 2
    assert not was_stopped(interrupt)


def test_stop_ends_what_waits(job_queue: JobQueue, interrupt: Interrupt) -> None:
    jobs = [Ask(number, (Turn("a"),)) for number in (1, 2, 3)]
    for job in jobs:
        job_queue.add(job)
    job_queue.next()
    assert job_queue.stop(Stop(2)) == [jobs[1]]
    assert not was_stopped(interrupt)
    assert job_queue.stop(Stop()) == [jobs[2]]
    assert interrupt.now


def test_loading_is_not_stopped_but_stops_answers(job_queue: JobQueue, interrupt: Interrupt) -> None:
    job_queue.add(Ask(1, (Turn("a"),)))
    job_queue.next()
    job_queue.add(Load(2, "m", None))
    assert interrupt.now
    job_queue.next()
    job_queue.stop(Stop())
    assert not interrupt.now


def test_idle_work_ends_at_once_when_something_comes(job_queue: JobQueue, interrupt: Interrupt) -> None:
    assert not job_queue.wait(0.0)
    assert not is_to_stop_soon(interrupt)
    job_queue.add(Ask(1, (Turn("a"),)))
    assert was_stopped(interrupt)
    assert job_queue.wait()
    assert job_queue.next()[0].request == 1
    assert not is_to_stop_soon(interrupt)


def test_the_end_stops_what_runs_and_leaves_time_for_what_is_to_be_kept(
    job_queue: JobQueue, interrupt: Interrupt
) -> None:
    job_queue.add(Ask(1, (Turn("a"),)))
    job_queue.next()
    job_queue.add(Ask(2, (Turn("b"),)))
    assert job_queue.close()
    assert was_stopped(interrupt)
    assert not job_queue.wait()  # at once, and for good
    assert job_queue.closed
    assert not is_to_stop_soon(interrupt)


def test_the_end_stops_idle_work_and_nothing_that_is_done_after_it(job_queue: JobQueue, interrupt: Interrupt) -> None:
    assert not job_queue.wait(0.0)
    assert job_queue.close()  # while something is done that waited for an idle moment
    assert was_stopped(interrupt)
    assert not job_queue.wait()
    assert not is_to_stop_soon(interrupt)  # what is to be kept is kept now


def test_the_end_does_not_wait_for_a_model(job_queue: JobQueue) -> None:
    job_queue.add(Load(1, "m", None))
    job_queue.next()
    assert not job_queue.close()


def test_of_models_that_wait_only_the_newest_is_loaded(job_queue: JobQueue) -> None:
    jobs = [Load(number, "m", None) for number in (1, 2, 3)]
    assert job_queue.add(jobs[0]) == []
    job_queue.next()
    assert job_queue.add(jobs[1]) == []
    assert job_queue.add(jobs[2]) == [jobs[1]]
    assert job_queue.next()[0].request == 3
