"""News of a download come from several threads, in any order: the latest counts, and each is told once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_app.services.models.manager import Models
from model_store.catalogue import ModelEntry
from model_store.downloads import queue
from model_store.downloads.queue import Downloads, Listener
from model_store.hub.client import Hub
from model_store.jobs import DownloadJob, JobState
from tests.helpers.waiting import expect_signal, pump, wait_until
from tests.services.conftest import Desk
from tests.services.models.test_manager import ENTRY, TINY, hub, models

__all__ = ["hub", "models"]

MISSING = replace(ENTRY, id="one", title="one", repository="someone/one-gguf")  # which the Hub does not have
ENDS = [(MISSING, JobState.FAILED, "repository-missing"), (ENTRY, JobState.DONE, "model-ready")]
LONG = 60.0  # seconds


class Gate:
    """Holds the thread that comes to it until it is opened."""

    def __init__(self) -> None:
        self.reached, self.passed, self._opened = threading.Event(), threading.Event(), threading.Event()

    def hold(self) -> None:
        self.reached.set()
        self._opened.wait(LONG)

    def open(self) -> None:
        self._opened.set()


class Order:
    """What is held: the news of a state before they are told, and a list of all jobs before it is given."""

    def __init__(self) -> None:
        self.news: dict[JobState, Gate] = {}
        self.list: Gate | None = None

    def open(self) -> None:
        for gate in (*self.news.values(), self.list):
            if gate is not None:
                gate.open()


@pytest.fixture
def order(models: Models, monkeypatch: pytest.MonkeyPatch) -> Iterator[Order]:
    """Holds what the real downloads tell."""
    made = Order()

    class Held(Downloads):
        def __init__(self, root: Path, hub: Callable[[], Hub], listener: Listener, **more: Any) -> None:
            def tell(job: DownloadJob) -> None:
                gate = made.news.get(job.state)
                if gate is not None:
                    gate.hold()
                listener(job)
                if gate is not None:
                    gate.passed.set()

            super().__init__(root, hub, tell, **more)

        def jobs(self) -> tuple[DownloadJob, ...]:
            found = super().jobs()
            if made.list is not None and found:
                made.list.hold()
            return found

    monkeypatch.setattr(queue, "Downloads", Held)
    yield made
    made.open()


def states(models: Models) -> list[JobState]:
    """Return the states of a job that the window is told, from now on."""
    told: list[JobState] = []
    models.job_changed.connect(lambda job: told.append(job.state))
    return told


def codes(desk: Desk) -> list[str]:
    return [notice.text_code for notice in desk.notices]


def check(desk: Desk, models: Models, state: JobState, code: str) -> None:
    """Check that the end of a download was told, once, and is still so."""
    wait_until(lambda: code in codes(desk), LONG)
    assert codes(desk).count(code) == 1
    assert code in [notice.text_code for notice in desk.services.notices.standing()]
    assert [job.state for job in models.jobs()] == ([state] if state is JobState.FAILED else [])


@pytest.mark.parametrize(("entry", "state", "code"), ENDS)
def test_an_end_that_the_list_knows_first_is_told(
    desk: Desk, models: Models, order: Order, entry: ModelEntry, state: JobState, code: str
) -> None:
    late = order.news[state] = Gate()
    models.download(entry, TINY)
    wait_until(late.reached.is_set, LONG)
    models.start()  # lists all
    wait_until(lambda: code in codes(desk), LONG)
    late.open()
    wait_until(late.passed.is_set, LONG)
    pump(0)
    check(desk, models, state, code)


@pytest.mark.parametrize(("entry", "state", "code"), ENDS)
def test_an_end_that_is_told_before_the_list_is_told(
    desk: Desk, models: Models, order: Order, entry: ModelEntry, state: JobState, code: str
) -> None:
    """The list was made while the download still ran."""
    late, running = Gate(), Gate()
    order.list, order.news[JobState.RUNNING] = late, running
    told = states(models)
    models.download(entry, TINY)
    wait_until(late.reached.is_set, LONG)
    running.open()
    wait_until(lambda: state in told, LONG)
    with expect_signal(models.changed, LONG):
        late.open()
    assert set(told[told.index(state) :]) == {state}
    check(desk, models, state, code)


@pytest.mark.parametrize(("entry", "state", "code"), ENDS)
def test_an_end_that_comes_before_the_beginning_is_told(
    desk: Desk, models: Models, order: Order, entry: ModelEntry, state: JobState, code: str
) -> None:
    """The thread that adds a download tells of it after the one that fetches has ended it."""
    late = order.news[JobState.QUEUED] = Gate()
    told = states(models)
    models.download(entry, TINY)
    wait_until(lambda: state in told, LONG)
    with expect_signal(models.changed, LONG):
        late.open()
    assert set(told[told.index(state) :]) == {state}
    check(desk, models, state, code)
