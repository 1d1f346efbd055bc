"""Messages that the model no longer sees are grey, above a line that explains it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from desktop_app.chat.conversation import Message
from desktop_app.ui.transcript.view import TranscriptView
from desktop_app.ui.widgets.controls import Popover
from desktop_app.ui.widgets.theme import theme
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump


def talk(fakes: FakeServices, count: int = 3) -> list[Message]:
    messages: list[Message] = []
    for number in range(count):
        shown = [picture()] if number == 1 else []
        messages += [question(f"Question {number}?", *shown), answer(f"Answer {number}.")]
    fakes.chat.show(*messages)
    return messages


def bordered(transcript: TranscriptView) -> list[str]:
    page = transcript.page
    return [
        message.id for index, message in enumerate(page.rows.messages()) if not page.rows.row(index).border.isNull()
    ]


def test_the_line_stands_below_what_has_left(transcript: TranscriptView, fakes: FakeServices) -> None:
    messages = talk(fakes)
    assert bordered(transcript) == []
    fakes.chat.dropped.set(messages, (0,))
    assert bordered(transcript) == [messages[1].id]
    assert transcript.page.rows.row(1).border_text == "The model no longer sees the messages above this line."
    assert [transcript.page.look_of(index).is_dropped for index in range(6)] == [True, True, False, False, False, False]
    fakes.chat.dropped.set(messages, (0, 2))
    assert bordered(transcript) == [messages[5].id]
    assert "grey" in transcript.page.rows.row(5).border_text
    fakes.chat.dropped.set(messages, ())
    assert bordered(transcript) == []


def test_what_has_left_is_painted_grey(transcript: TranscriptView, fakes: FakeServices) -> None:
    messages = talk(fakes, 1)

    def darkest() -> int:
        rect = transcript.page.rows.rect(1)
        assert rect is not None
        place = transcript.page.rows.row(1).text.translated(rect.topLeft())
        image = transcript.page.viewport().grab(place).toImage()
        colours = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
        return min(colour.lightness() for colour in colours if colour.alpha() > 250)

    assert darkest() <= theme.colour("text").lightness() + 5
    fakes.chat.dropped.set(messages, (0,))
    assert darkest() >= theme.colour("muted").lightness() - 5


def test_a_reader_at_the_end_stays_there(transcript: TranscriptView, fakes: FakeServices) -> None:
    messages = talk(fakes, 30)
    assert transcript.page.rows.is_at_end()
    fakes.chat.dropped.set(messages, range(29))
    assert transcript.page.rows.is_at_end()
    transcript.page.rows.scroll_to_start()
    top = transcript.page.rows.rect(0)
    fakes.chat.dropped.set(messages, range(20))
    assert transcript.page.rows.rect(0) == top


def test_a_click_on_the_line_explains_it(transcript: TranscriptView, fakes: FakeServices) -> None:
    messages = talk(fakes)
    fakes.chat.dropped.set(messages, (0,))
    transcript.page.rows.scroll_to_start()
    rect = transcript.page.rows.rect(1)
    assert rect is not None
    place = rect.topLeft() + transcript.page.rows.row(1).border.center()
    QTest.mouseClick(transcript.page.viewport(), Qt.MouseButton.LeftButton, pos=place)
    (popover,) = transcript.findChildren(Popover)
    assert popover.accessibleName() == "What the model sees"
    popover.close()
    pump(0)


def test_the_menu_and_the_screen_reader_know_it_too(transcript: TranscriptView, fakes: FakeServices) -> None:
    messages = talk(fakes)
    fakes.chat.dropped.set(messages, (0,))
    transcript.page.rows.scroll_to_start()
    menu = transcript.page.menu.at(0, QPoint(-1, -1))
    [explaining] = [action for action in menu.actions() if action.data() and action.data()[0] == "explain"]
    explaining.trigger()
    (popover,) = transcript.findChildren(Popover)
    popover.close()
    menu.close()
    menu.deleteLater()
    pump(0)
    other = transcript.page.menu.at(2, QPoint(-1, -1))
    assert "explain" not in [action.data()[0] for action in other.actions() if action.data()]
    transcript.page.findChildren(type(menu))[-1].deleteLater()
    pump(0)
