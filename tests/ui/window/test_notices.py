"""Several notices at once: which one is seen, how the others are reached, and that nothing moves under the pointer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton

from desktop_app.errors import UserError
from desktop_app.services.notices import Notice, Part, action
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.notices import NoticeBar
from desktop_app.ui.widgets.line_list import line_height
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.waiting import pump, wait_until


def refused(count: int, of: int) -> Notice:
    """Return the notice about so many refused files of one drop."""
    names = [f"Report {number}.pdf" for number in range(count)]
    parts = tuple(Part(name, UserError("not-a-picture", name=name)) for name in names)
    return Notice("files-refused", {"failed": count, "count": of}, "error", owner="draft", parts=parts)


def test_the_list_is_as_high_as_its_wrapped_lines(bar: NoticeBar, services: FakeServices) -> None:
    theme.set_zoom(200)
    services.notices.post(refused(3, 3))
    pump(0)
    click(bar.buttons[-1])
    lines = bar.list
    assert lines is not None
    wait_until(lambda: lines.verticalScrollBar().maximum() == 0)
    line = line_height()
    below = lines.height() - lines.document().size().height() * line
    assert 0 <= below < line / 2, "no room is left empty"
    button = bar.buttons[-1]
    bottom = button.mapTo(bar, QPoint(0, button.height())).y()
    assert bottom <= lines.mapTo(bar, QPoint(0, 0)).y(), "the button stands above the list"


def click(button: QAbstractButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    pump(0)


@pytest.fixture
def bar(window: MainWindow) -> NoticeBar:
    return window.notices


def codes(bar: NoticeBar) -> list[str]:
    return [notice.text_code for notice in bar.ordered()]


def test_a_notice_about_many_files_lists_them(bar: NoticeBar, window: MainWindow, services: FakeServices) -> None:
    composer = window.composer.mapTo(window, QPoint(0, 0))
    services.notices.post(refused(60, 61))
    pump(0)
    assert bar.words.text() == "60 of 61 files could not be added."
    (button,) = bar.buttons
    assert button.text() == "Show the list"
    click(button)
    lines = bar.list
    assert lines is not None
    assert lines.isVisible()
    reason, names = lines.toPlainText().split("\n")
    assert reason.startswith("Each of these is not a picture")
    assert names.split(", ") == [f"Report {number}.pdf" for number in range(60)]
    assert lines.verticalScrollBar().maximum() > 0, "it scrolls"
    assert bar.height() < window.height() / 3
    assert window.composer.mapTo(window, QPoint(0, 0)) == composer
    assert button.text() == "Hide the list"
    click(button)
    assert bar.list is None


def test_the_list_fits_every_text_size(bar: NoticeBar, services: FakeServices) -> None:
    services.notices.post(refused(3, 9))
    click(bar.buttons[-1])
    heights = []
    for zoom in (100, 200, 80):
        theme.set_zoom(zoom)
        pump(0)
        lines = bar.list
        assert lines is not None
        wait_until(lambda: bar.height() == bar.heightForWidth(bar.width()))
        assert lines.verticalScrollBar().maximum() == 0, "no line is cut off"
        line = line_height()
        assert 0 <= lines.height() - lines.document().size().height() * line < line / 2, "no room for another"
        heights.append(lines.height())
    assert heights[2] < heights[0] < heights[1]


def test_a_list_that_grows_stays_open(bar: NoticeBar, services: FakeServices) -> None:
    first = refused(2, 9)
    services.notices.post(first)
    click(bar.buttons[-1])
    more = refused(3, 9)
    services.notices.post(replace(more, id=first.id))
    wait_until(lambda: bar.list is not None and "Report 2.pdf" in bar.list.toPlainText())
    assert codes(bar) == ["files-refused"]


def test_the_others_are_one_click_away(bar: NoticeBar, services: FakeServices) -> None:
    services.notices.error(UserError("engine-died"), action("restart-engine"), sticky=True, owner="engine")
    assert not bar.next_button.isVisible()
    services.notices.post(Notice("demo-photo", {"name": "field.jpg"}, sticky=True, owner="draft"))
    services.notices.post(refused(2, 3))
    assert codes(bar) == ["files-refused", "engine-died", "demo-photo"]
    assert bar.next_button.text() == "1 of 3 ›"
    click(bar.next_button)
    assert "engine stopped" in bar.words.text()
    assert bar.next_button.text() == "2 of 3 ›"
    services.notices.leave("draft")
    assert bar.next_button.text() == "1 of 2 ›"
    assert "engine stopped" in bar.words.text()


def test_danger_comes_before_advice_of_the_same_drop(bar: NoticeBar, services: FakeServices) -> None:
    services.notices.error(UserError("not-a-picture", name="a.pdf"), owner="draft")
    frame = {"name": "film.gif", "frame": 2, "frames": 3}
    services.notices.post(Notice("picture-frame", frame, owner="draft"))
    assert codes(bar) == ["not-a-picture", "picture-frame"]


def test_what_was_told_does_not_come_back(bar: NoticeBar, services: FakeServices) -> None:
    services.notices.post(Notice("exported", {"name": "two.md"}))
    error = services.notices.error(UserError("file-missing", name="three.json"))
    services.notices.withdraw(error.id)
    assert codes(bar) == []


def test_undo_is_not_lost_to_another_word(bar: NoticeBar, services: FakeServices) -> None:
    services.conversations.delete(services.conversations.rows[0].id)
    services.notices.post(Notice("exported", {"name": "two.md"}))
    assert codes(bar) == ["exported", "conversation-deleted"]


def test_nothing_moves_under_the_pointer_when_the_last_one_is_closed(
    bar: NoticeBar, window: MainWindow, services: FakeServices
) -> None:
    without = window.pages.geometry()
    services.notices.post(refused(2, 3))
    pump(0)
    page = window.pages.geometry()
    assert page != without
    QTest.mouseMove(bar.close_button)
    wait_until(bar.underMouse)
    click(bar.close_button)
    assert not bar.card.isVisible()
    assert window.pages.geometry() == page
    QTest.mouseMove(window, QPoint(window.width() // 2, 40))
    wait_until(lambda: window.pages.geometry() == without)
    assert not bar.isVisible()


def test_a_notice_that_comes_meanwhile_is_seen(bar: NoticeBar, services: FakeServices) -> None:
    services.notices.post(refused(2, 3))
    pump(0)
    QTest.mouseMove(bar.close_button)
    wait_until(bar.underMouse)
    click(bar.close_button)
    services.notices.post(refused(4, 4))
    pump(0)
    assert bar.card.isVisible()
    assert bar.words.text() == "4 of 4 files could not be added."


def test_the_manager_tells_of_models_only(window: MainWindow, services: FakeServices) -> None:
    services.notices.post(Notice("model-verified", {"title": "LLaVA"}, owner="models", sticky=True))
    window.dialogs.open_models()
    manager = window.findChild(ModelsDialog)
    assert manager is not None
    inside = manager.findChild(NoticeBar)
    assert inside is not None
    assert codes(inside) == ["model-verified"]
    assert inside.isVisible(), "also what was said before it was opened"
    services.conversations.delete(services.conversations.rows[0].id)
    services.notices.post(Notice("updates-none", {"version": "1"}))
    assert codes(inside) == ["model-verified"]
