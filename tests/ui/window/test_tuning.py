"""The fastest settings in the status line and in the settings dialog."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from desktop_app.engine.messages import Tuning
from desktop_app.ui.settings.dialog import SettingsDialog
from desktop_app.ui.settings.tuning_row import TuningRow
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.waiting import pump

FOUND = Tuning(4, 3, 256, reading=33.4, writing=6.92, measured="2026-11-24")


@pytest.fixture
def row(window: MainWindow, services: FakeServices) -> TuningRow:
    services.engine.become("ready", LLAVA._replace(tunable=True))
    window.dialogs.open_settings()
    pump(0)
    settings = window.findChild(SettingsDialog)
    assert settings is not None
    return settings.tuning


def test_the_page_tells_what_was_measured(row: TuningRow, services: FakeServices) -> None:
    assert row.button.text() == "Measure now"
    services.tuner.become(planned=True)
    assert "when the computer is idle" in row.text.text()
    services.tuner.become(found=FOUND)
    said = row.text.text()
    for part in ("reads about 33", "writes about 6.9", "4 for reading, 3 for writing", "Reads 256 tokens at a time"):
        assert part in said
    assert "Flash" not in said
    assert "to write faster" not in said
    assert row.button.text() == "Measure again"
    services.tuner.become(found=FOUND._replace(flash_attention=True, repacked=True))
    assert "Flash attention is on. The model is kept in the order" in row.text.text()
    services.preferences.set("threads", 2)
    assert "the one you chose" in row.text.text()


def test_it_can_be_redone_and_stopped(row: TuningRow, services: FakeServices) -> None:
    services.tuner.become(found=FOUND)
    row.button.click()
    assert services.calls[-1] == ("measure",)
    assert "about 40 s" in row.text.text()
    row.button.click()
    assert services.calls[-1] == ("postpone",)
    assert "Measured on" in row.text.text()


@pytest.mark.parametrize(
    ("why", "part"),
    [
        ("disturbed", "was not saved"),
        ("no-memory", "free memory"),
        ("too-slow", "too long"),
        ("failed", "could not be measured"),
    ],
)
def test_why_there_is_nothing(row: TuningRow, services: FakeServices, why: str, part: str) -> None:
    services.tuner.become(why=why)
    assert part in row.text.text()


def test_a_full_disk_is_said(row: TuningRow, services: FakeServices) -> None:
    services.tuner.become(found=FOUND)
    services.tuner.weights_why = "disk-full"
    services.tuner.changed.emit()
    assert "reads about 33" in row.text.text()
    assert "the disk is nearly full" in row.text.text()


def test_a_tiny_model_has_nothing_to_measure(row: TuningRow, services: FakeServices) -> None:
    services.engine.become("ready", LLAVA)
    assert "so small" in row.text.text()
    assert row.button.isEnabled()  # it measures the models of the list
    services.engine.become("loading", None)
    assert "when a model is loaded" in row.text.text()
    assert not row.button.isEnabled()


def test_the_status_line_says_so_and_offers_not_now(window: MainWindow, services: FakeServices) -> None:
    services.engine.become("ready", LLAVA._replace(tunable=True))
    assert not window.status.not_now.isVisible()
    services.tuner.become(left=38)
    assert "Finding the fastest settings for this computer, about 38 s" in window.status.model.text()
    assert window.status.not_now.isVisible()
    window.status.not_now.click()
    assert services.calls[-1] == ("postpone",)
    assert not window.status.not_now.isVisible()
    assert "ready" in window.status.model.text()


def test_the_person_is_noticed_only_while_it_matters(window: MainWindow, services: FakeServices) -> None:
    def touch() -> int:
        services.calls.clear()
        QTest.keyClick(window.composer, Qt.Key.Key_Shift)
        QTest.mousePress(window.pages, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 5))
        return services.calls.count(("stop_for_user",))

    assert touch() == 0
    services.tuner.wanted_changed.emit(True)
    assert touch() >= 2
    services.tuner.wanted_changed.emit(False)
    assert touch() == 0
