"""The page of messages: scrolling, keeping the reader's position, and laying out only what is visible."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QImage

from desktop_app.chat.conversation import Message, State
from desktop_app.ui.transcript import pictures as transcript_pictures
from desktop_app.ui.transcript.rows import BOTTOM, TOP
from desktop_app.ui.transcript.view import TranscriptView
from desktop_app.ui.widgets.images import decode
from desktop_app.ui.widgets.theme import theme
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump, wait_until


def conversation(turns: int) -> list[Message]:
    messages: list[Message] = []
    for turn in range(turns):
        pictures = (picture(f"{turn}.png"),) if turn % 10 == 0 else ()
        messages.append(question(f"Question {turn}?", *pictures))
        messages.append(answer(f"Answer {turn}. " + "A **bold** claim about it. " * (turn % 30)))
    return messages


def rect(view: TranscriptView, index: int) -> QRect:
    found = view.page.rows.rect(index)
    assert found is not None, f"message {index} is not seen"
    return found


def test_ten_thousand_messages_open_at_once(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.path = conversation(5_000)
    began = time.perf_counter()
    fakes.chat.reset.emit()
    transcript.repaint()
    print(f"10,000 messages opened in {1000 * (time.perf_counter() - began):.0f} ms")
    assert transcript.page.rows.laid_out() < 40
    assert transcript.page.rows.is_at_end()
    bar = transcript.page.verticalScrollBar()
    for value in range(bar.maximum(), 0, -bar.maximum() // 200):
        bar.setValue(value)
        transcript.repaint()
    assert transcript.page.rows.laid_out() < 100, "what is no longer seen is given back"
    bar.setValue(0)
    assert rect(transcript, 0).top() == TOP


def test_the_sizes_of_the_theme_are_asked_for_once_for_all_messages(
    transcript: TranscriptView, fakes: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    px = theme.px

    def counted(size: int) -> int:
        asked.append(size)
        return px(size)

    monkeypatch.setattr(theme, "px", counted)

    def asked_for(messages: list[Message]) -> int:
        asked.clear()
        fakes.chat.show(*messages)
        transcript.repaint()
        return len(asked)

    messages = conversation(2_000)
    asked_for(messages[-100:])  # what is asked for only once
    assert asked_for(messages) == asked_for(messages[-100:]) > 0


def test_opens_with_the_newest_message_at_the_lower_edge(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(*conversation(50))
    assert rect(transcript, 99).bottom() + 1 == transcript.page.viewport().height() - BOTTOM
    assert transcript.newest.isHidden()


def test_a_short_conversation_stands_at_the_top(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(question("Hello?"), answer("Yes."))
    assert rect(transcript, 0).top() == TOP
    assert transcript.page.verticalScrollBar().maximum() == 0


def test_scrolling_up_over_estimated_heights_moves_nothing_by_more_than_it_should(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.show(*conversation(200))
    page, bar = transcript.page, transcript.page.verticalScrollBar()
    for _ in range(150):
        known = page.rows.seen()[0]
        before = rect(transcript, known).top()
        bar.setValue(bar.value() - 72)
        if known in page.rows.seen():
            assert rect(transcript, known).top() == before + 72


def test_rows_touch_each_other_and_fill_the_window(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(*conversation(300))
    page, bar = transcript.page, transcript.page.verticalScrollBar()
    for value in (bar.maximum(), bar.maximum() // 2, 17, bar.maximum() // 3, 0):
        bar.setValue(value)
        seen = page.rows.seen()
        assert seen == list(range(seen[0], seen[-1] + 1))
        for above, below in itertools.pairwise(seen):
            assert rect(transcript, above).bottom() + 1 == rect(transcript, below).top()
        assert rect(transcript, seen[0]).top() <= TOP
        assert rect(transcript, seen[-1]).bottom() >= page.viewport().height() - BOTTOM - 1


def test_follows_the_answer_at_the_end(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(*conversation(30))
    live = fakes.chat.begin_answer()
    for words in range(0, 400, 20):
        fakes.chat.stream("word " * words)
        bottom = rect(transcript, transcript.page.rows.index_of(live.id)).bottom()
        assert bottom + 1 == transcript.page.viewport().height() - BOTTOM
    fakes.chat.end_answer()
    assert transcript.page.rows.is_at_end()


def test_keeps_the_place_of_a_reader_while_text_streams(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(*conversation(30))
    fakes.chat.begin_answer()
    fakes.chat.stream("word " * 200)
    transcript.page.rows.scroll_by(-300)
    first = transcript.page.rows.seen()[0]
    before = rect(transcript, first)
    for words in range(200, 900, 50):
        fakes.chat.stream("word " * words)
        assert rect(transcript, first) == before
    assert not transcript.newest.isHidden()
    fakes.chat.end_answer()
    assert rect(transcript, first) == before


def test_line_breaks_around_an_answer_do_not_show_while_it_is_written(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.show(*conversation(2))
    fakes.chat.begin_answer()
    last = len(fakes.chat.messages()) - 1
    waiting = rect(transcript, last).height()
    fakes.chat.stream("\n" * 200)
    assert rect(transcript, last).height() == waiting
    fakes.chat.stream("A lake." + "\n" * 200)
    height = rect(transcript, last).height()
    fakes.chat.stream("\n\nA lake.")
    assert rect(transcript, last).height() == height < 200


def test_the_button_goes_back_to_the_newest(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(*conversation(30))
    transcript.page.rows.scroll_to_start()
    assert not transcript.newest.isHidden()
    transcript.newest.click()
    assert transcript.page.rows.is_at_end()
    assert transcript.newest.isHidden()


def test_ones_own_question_is_shown_wherever_one_was(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(*conversation(30))
    transcript.page.rows.scroll_to_start()
    fakes.chat.add(question("And this?"))
    assert transcript.page.rows.is_at_end()


def test_truncating_to_a_message_keeps_what_is_before(transcript: TranscriptView, fakes: FakeServices) -> None:
    messages = conversation(30)
    fakes.chat.show(*messages)
    fakes.chat.truncated.emit(messages[10].id)
    assert len(transcript.page.rows.messages()) == 11
    assert rect(transcript, 10).isValid()
    fakes.chat.truncated.emit("")
    assert transcript.page.rows.seen() == []


def test_a_reader_keeps_the_message_when_the_window_becomes_narrow(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.show(*conversation(100))
    transcript.page.verticalScrollBar().setValue(3_000)
    first = transcript.page.rows.seen()[0]
    transcript.resize(520, 600)
    pump(0)
    assert transcript.page.rows.seen()[0] in (first, first + 1)
    assert transcript.page.rows.column_width() < 520


def test_the_column_is_never_wider_than_760_and_stands_in_the_middle(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.show(*conversation(2))
    for width in (1600, 900, 600):
        transcript.resize(width, 600)
        pump(0)
        page = transcript.page
        assert page.rows.column_width() <= 760
        assert abs(page.rows.column_left() + page.rows.column_width() / 2 - width / 2) <= 1


def test_pictures_are_shown_at_most_420_high_and_rows_know_their_height_before(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    tall, wide = picture("tall.png", 800, 2400), picture("wide.png", 4000, 500)
    fakes.chat.show(question("Tall", tall), question("Wide", wide), question("All", tall, wide, tall, wide))
    for index in range(3):
        row = transcript.page.rows.row(index)
        assert all(place.height() <= 420 for place in row.pictures)
        assert all(place.left() >= 0 and place.right() < row.width for place in row.pictures)


@pytest.mark.parametrize("height", [300, 480, 600, 900, 1400])
def test_a_picture_takes_less_than_half_of_what_is_seen(
    transcript: TranscriptView, fakes: FakeServices, height: int
) -> None:
    shapes = [(640, 480), (800, 2400), (4000, 100), (100, 4000), (4000, 500)]
    all_ = [picture(f"{w}x{h}.png", w, h) for w, h in shapes]
    fakes.chat.show(*(question("One", shown) for shown in all_), question("Some", *all_), question("Two", *all_[:2]))
    transcript.resize(1000, height)
    pump(0)
    view = transcript.page.viewport().height()
    for index, message in enumerate(transcript.page.rows.messages()):
        for shown, place in zip(message.pictures, transcript.page.rows.row(index).pictures, strict=True):
            assert place.height() <= min(420, 0.45 * view)
            assert place.width() <= transcript.page.rows.column_width()
            shape = shown.width / shown.height
            off = (place.width() / shape - place.height(), place.height() * shape - place.width())
            assert min(map(abs, off)) <= 1, f"{shown.name} has lost its shape"
    largest = transcript.page.rows.row(1).pictures[0].height()
    assert largest >= min(416, 0.45 * (view - 206) - 32), "as large as it may be beside header and composer"


def test_the_line_at_the_top_stays_while_the_window_is_made_narrower_and_wider(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    words = " ".join(f"word{number}" for number in range(2000))
    fakes.chat.show(question("?", picture()), answer(words), question("And?"), answer(words))
    rows = transcript.page.rows
    rows.show_from(1)
    rows.scroll_by(700)
    row, top = rows.row(1), rect(transcript, 1).top()
    position = row.position_at(QPoint(row.text.left(), -top))
    before = top + row.line_top(position)
    steps = [*range(1000, 520, -37), *range(520, 1000, 23), 1000]
    for width in steps:
        transcript.resize(width, 600)
        assert rect(transcript, 1).top() + rows.row(1).line_top(position) == before
    assert rect(transcript, 1).top() == top
    for height in (600, 400, 900, 600):  # pictures change their size with it
        transcript.resize(1000, height)
        assert rect(transcript, 1).top() == top
    theme.set_zoom(150)
    assert rect(transcript, 1).top() + rows.row(1).line_top(position) == before


def test_a_half_seen_picture_stays_half_seen(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(question("?", picture()), answer("long " * 3000))
    rows = transcript.page.rows
    rows.scroll_to_start()
    rows.scroll_by(rows.row(0).pictures[0].center().y() + TOP)
    for width in (900, 500, 400, 700, 1000):
        transcript.resize(width, 600)
        centre = rows.row(0).pictures[0].center().y() + rect(transcript, 0).top()
        assert abs(centre) <= 4


def test_a_preview_that_comes_later_is_painted_then(transcript: TranscriptView, fakes: FakeServices) -> None:
    late = picture("late.png")
    fakes.previews.missing.add(late.sha256)
    fakes.chat.show(question("What is it?", late))
    wait_until(lambda: ("request", late.sha256) in fakes.previews.calls)
    place = transcript.page.rows.row(0).pictures[0].translated(rect(transcript, 0).topLeft())
    centre = place.center()
    blank = transcript.page.viewport().grab().toImage().pixelColor(centre)
    assert blank == theme.colour("bubble")
    fakes.previews.arrive(late.sha256)
    wait_until(lambda: transcript.page.viewport().grab().toImage().pixelColor(centre) != blank)


def test_a_large_picture_is_decoded_on_a_thread_and_its_thumbnail_shown_meanwhile(
    transcript: TranscriptView, fakes: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[tuple[bool, QSize]] = []

    def spy(data: bytes, size: QSize) -> QImage:
        decoded.append((threading.current_thread() is threading.main_thread(), size))
        return decode(data, size)

    monkeypatch.setattr(transcript_pictures, "decode", spy)
    fakes.chat.show(question("What?", picture()))
    place = transcript.page.rows.row(0).pictures[0]
    ready: list[str] = []
    transcript.page.pictures.ready.connect(ready.append)
    stand_in = transcript.page.pictures.pixmap(picture().sha256, place.size(), 2.0)
    assert stand_in is not None
    wait_until(lambda: ready)
    sharp = transcript.page.pictures.pixmap(picture().sha256, place.size(), 2.0)
    assert sharp is not None
    assert sharp.devicePixelRatio() == 2.0
    assert (False, place.size() * 2) in decoded
    assert (True, place.size() * 2) not in decoded
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "decode"])


def test_another_look_keeps_the_place(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(*conversation(100))
    transcript.page.verticalScrollBar().setValue(2_000)
    first = transcript.page.rows.seen()[0]
    theme.set_preference("dark")
    assert transcript.page.rows.seen()[0] == first
    theme.set_zoom(150)
    assert transcript.page.rows.seen()[0] in (first, first + 1)


def test_an_answer_found_streaming_in_another_conversation_goes_on(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    live = answer("Half of", State.STREAMING)
    fakes.chat.show(question("What?"), live)
    fakes.chat.stream("Half of it is here.")
    assert transcript.page.rows.messages()[1].text == "Half of it is here."
    fakes.chat.change(replace(live, text="All.", state=State.COMPLETE))
    fakes.answers.streaming.emit(live.id, "late")
    assert transcript.page.rows.messages()[1].text == "All."


def test_the_markers_of_nested_lists_have_the_colour_of_the_text(
    transcript: TranscriptView, fakes: FakeServices
) -> None:
    fakes.chat.show(question("A list?"), answer("- [x] Done\n- Text\n  - Below"))
    transcript.repaint()
    place = rect(transcript, 1)
    shown = transcript.page.viewport().grab(QRect(place.x(), place.y(), place.width(), theme.px(90))).toImage()
    accent = theme.colour("accent").rgb()
    rows = [y for y in range(shown.height()) if any(shown.pixel(x, y) == accent for x in range(shown.width()))]
    assert rows, "the box that is checked"
    assert rows[-1] - rows[0] < theme.line_height(), "and nothing below it"
