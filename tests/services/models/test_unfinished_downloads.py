"""An unfinished download goes on only when the person says so: after a start, and from another server."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.services.models.manager import Models
from desktop_app.ui.notices import NoticeBar
from model_store.catalogue import Catalogue
from model_store.jobs import JobState
from tests.helpers.fake_hub import FakeHub
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk, open_desk
from tests.services.models.test_manager import ENTRY, REPOSITORY, TINY, hub, models

__all__ = ["hub", "models"]


def begin(models: Models, hub: FakeHub) -> None:
    hub.shared.pace = 0.02
    models.download(ENTRY, TINY)
    wait_until(lambda: any(job.done > 100_000 for job in models.jobs()), 30)


def unfinished(desk: Desk) -> str:
    wait_until(lambda: any(notice.text_code == "downloads-unfinished" for notice in desk.notices), 30)
    return next(notice.id for notice in desk.notices if notice.text_code == "downloads-unfinished")


def test_at_the_next_start_it_waits_for_a_click(
    desk: Desk, models: Models, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(models, hub)
    desk.services.close()
    asked = len(hub.requests)
    hub.shared.pace = 0
    again = open_desk(tmp_path)
    try:
        notice = unfinished(again)
        later = again.services.models
        [job] = later.jobs()
        assert (job.state, job.done > 0) == (JobState.PAUSED, True)
        assert len(hub.requests) == asked
        again.services.notices.act(notice, "go-on-downloading")
        wait_until(lambda: bool(later.installed()), 30)
    finally:
        again.services.close()


def test_the_download_button_goes_on_with_it(
    desk: Desk, models: Models, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(models, hub)
    desk.services.close()
    hub.shared.pace = 0
    again = open_desk(tmp_path)
    try:
        unfinished(again)
        monkeypatch.setattr(again.services.models, "_catalogue", Catalogue((ENTRY,)))
        again.services.models.download(ENTRY, TINY)
        wait_until(lambda: bool(again.services.models.installed()), 30)
    finally:
        again.services.close()


def test_another_server_is_asked_only_after_a_click(desk: Desk, models: Models, hub: FakeHub) -> None:
    begin(models, hub)
    with FakeHub() as other:
        other.publish(REPOSITORY, {name: file.data for name, file in hub.shared.repositories[REPOSITORY].files.items()})
        desk.services.preferences.set("hub_address", other.endpoint)
        notice = unfinished(desk)
        wait_until(lambda: [job.state for job in models.jobs()] == [JobState.PAUSED])
        assert other.requests == []
        desk.services.notices.act(notice, "go-on-downloading")
        wait_until(lambda: bool(models.installed()), 30)
        assert other.requests != []


def test_other_settings_of_the_same_server_do_not_stop_it(desk: Desk, models: Models, hub: FakeHub) -> None:
    begin(models, hub)
    desk.services.preferences.set("connections", 2)
    hub.shared.pace = 0
    wait_until(lambda: bool(models.installed()), 30)
    assert not any(notice.text_code == "downloads-unfinished" for notice in desk.notices)


def test_what_was_closed_stays_away_until_something_changes(
    desk: Desk, models: Models, hub: FakeHub, tmp_path: Path
) -> None:
    begin(models, hub)
    desk.services.close()

    def told(close: bool) -> bool:
        again = open_desk(tmp_path)
        bar = NoticeBar(again.services.notices)
        try:
            wait_until(lambda: bool(again.services.models.jobs()), 30)
            current = bar.current()
            if close:
                bar.close_button.click()  # the bar is in no window that a pointer could reach
            return current is not None and current.text_code == "downloads-unfinished"
        finally:
            again.services.close()
            bar.deleteLater()

    assert told(close=False)
    assert told(close=True), "only closing it says that it is known"
    assert not told(close=False)
    again = open_desk(tmp_path)
    try:
        wait_until(lambda: bool(again.services.models.jobs()), 30)
        [job] = again.services.models.jobs()
        again.services.models.resume(job)
        wait_until(lambda: again.services.models.jobs()[0].done > job.done, 30)
    finally:
        again.services.close()
    assert told(close=False)
