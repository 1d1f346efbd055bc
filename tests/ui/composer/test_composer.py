"""Writing a question: keys, pasting, pictures, sending and stopping."""

from __future__ import annotations

import itertools
import re
import time
from fnmatch import fnmatchcase

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QInputMethodEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QPushButton

from desktop_app.chat.conversation import State as MessageState
from desktop_app.engine.messages import Look
from desktop_app.look_choice import Wish
from desktop_app.services.conversation.picture_detail import DetailCost, DetailOptions, TokenOptions, WholeCost
from desktop_app.services.conversation.queue.questions import QueuedQuestion
from desktop_app.services.engine import State
from desktop_app.services.notices import Notice
from desktop_app.ui.composer.composer import Composer
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.widgets.thumbnails import Thumbnail
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.pictures import picture, png
from tests.helpers.waiting import expect_signal, pump, wait_until

NO_KEYS = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def key(composer: Composer, which: Qt.Key, modifier: Qt.KeyboardModifier = NO_KEYS) -> None:
    QTest.keyClick(composer.editor, which, modifier)


def paste(composer: Composer, data: QMimeData) -> None:
    QGuiApplication.clipboard().setMimeData(data)
    key(composer, Qt.Key.Key_V, CONTROL)


def text_of(composer: Composer) -> str:
    return composer.editor.toPlainText()


# ---- writing and sending -------------------------------------------------------------------


def test_enter_sends_what_is_written(composer: Composer, fakes: FakeServices) -> None:
    QTest.keyClicks(composer.editor, "What is this?")
    key(composer, Qt.Key.Key_Return)
    assert fakes.chat.calls == [("send", "What is this?")]


def test_shift_enter_begins_a_line(composer: Composer, fakes: FakeServices) -> None:
    QTest.keyClicks(composer.editor, "one")
    key(composer, Qt.Key.Key_Return, SHIFT)
    QTest.keyClicks(composer.editor, "two")
    assert text_of(composer) == "one\ntwo"
    assert fakes.chat.calls == []


def test_nothing_is_sent_while_there_is_nothing(composer: Composer, fakes: FakeServices) -> None:
    QTest.keyClicks(composer.editor, "   ")
    key(composer, Qt.Key.Key_Return)
    assert fakes.chat.calls == []
    assert not composer.send.isEnabled()


def test_a_picture_alone_can_be_sent_and_the_field_says_so(composer: Composer, fakes: FakeServices) -> None:
    fakes.draft.put(picture())
    assert composer.editor.accessibleDescription() == "Ask about the picture, or send it to get a description"
    assert composer.send.isEnabled()
    key(composer, Qt.Key.Key_Return)
    assert fakes.chat.calls == [("send", "")]


def test_enter_while_an_input_method_composes_belongs_to_it(composer: Composer, fakes: FakeServices) -> None:
    QTest.keyClicks(composer.editor, "x")
    QApplication.sendEvent(composer.editor, QInputMethodEvent("かん", []))
    key(composer, Qt.Key.Key_Return)
    assert fakes.chat.calls == []
    done = QInputMethodEvent()
    done.setCommitString("漢")
    QApplication.sendEvent(composer.editor, done)
    assert text_of(composer) == "x漢"
    key(composer, Qt.Key.Key_Return)
    assert fakes.chat.calls[-1][0] == "send"


def test_what_is_written_is_kept_in_the_draft(composer: Composer, fakes: FakeServices) -> None:
    QTest.keyClicks(composer.editor, "half a thou")
    assert fakes.draft.text() == "half a thou"


def test_the_draft_of_another_conversation_takes_its_place(composer: Composer, fakes: FakeServices) -> None:
    QTest.keyClicks(composer.editor, "here")
    fakes.draft.put(picture())
    fakes.draft.open("there", picture("a.png"), picture("b.png"))
    assert text_of(composer) == "there"
    assert [t.draft().name for t in composer.strip.thumbnails()] == ["a.png", "b.png"]
    fakes.draft.open("")
    assert text_of(composer) == ""
    assert composer.strip.isHidden()


def test_pictures_that_were_kept_stand_there_once(composer: Composer, fakes: FakeServices) -> None:
    """The row of pictures is built while they are announced."""
    fakes.draft.open("there", picture("a.png"), picture("b.png"))
    assert [each.draft().name for each in composer.strip.findChildren(Thumbnail)] == ["a.png", "b.png"]


def test_a_message_that_was_not_sent_comes_back(composer: Composer, fakes: FakeServices) -> None:
    fakes.draft.text_changed.emit("")
    fakes.draft.written = "again"
    fakes.draft.text_changed.emit("again")
    assert text_of(composer) == "again"


def test_examples_and_drops_are_inserted_at_the_cursor(composer: Composer) -> None:
    QTest.keyClicks(composer.editor, "ab")
    key(composer, Qt.Key.Key_Left)
    composer.insert_text("-")
    assert text_of(composer) == "a-b"
    assert composer.editor.hasFocus()


def test_the_field_grows_to_eight_lines_and_then_scrolls(composer: Composer) -> None:
    heights = []
    for lines in range(1, 13):
        composer.editor.set_text("\n".join("x" * lines))
        heights.append(composer.editor.height())
    assert heights[0] == theme.line_height()
    assert heights == sorted(heights)
    assert heights[7] == heights[11] == 8 * theme.line_height()
    composer.editor.set_text("")
    assert composer.editor.height() == theme.line_height()


# ---- sending and stopping ------------------------------------------------------------------


def test_stop_is_where_send_was(composer: Composer, fakes: FakeServices) -> None:
    place = composer.send.geometry()
    fakes.chat.set_busy(True)
    assert composer.send.accessibleName() == "Stop"
    assert composer.send.isEnabled()
    assert composer.send.geometry() == place
    composer.send.click()
    key(composer, Qt.Key.Key_Escape)
    assert fakes.chat.calls == [("stop",), ("stop",)]
    fakes.chat.set_busy(False)
    assert composer.send.accessibleName() == "Send"


def test_enter_while_an_answer_is_written_queues_the_question(composer: Composer, fakes: FakeServices) -> None:
    fakes.chat.set_busy(True)
    assert not composer.queue_up.isVisible()
    QTest.keyClicks(composer.editor, "and then?")
    assert composer.hint.text() == "Enter sends this after the answer. Esc stops it."
    assert composer.send.accessibleName() == "Stop"
    key(composer, Qt.Key.Key_Return)
    QTest.mouseClick(composer.queue_up, Qt.MouseButton.LeftButton)
    assert fakes.chat.calls == [("send", "and then?")] * 2
    fakes.chat.set_busy(False)
    assert composer.hint.text() == ""
    assert not composer.queue_up.isVisible()


def test_queued_questions_are_listed_with_what_can_be_done(composer: Composer, fakes: FakeServices) -> None:
    sight = picture("sight.png", 64, 48)
    fakes.previews.drawn[sight.sha256] = png(64, 48, "red", "blue")
    for question in (QueuedQuestion("Why?"), QueuedQuestion("", (sight, sight))):
        fakes.queue.add("one", question)
    fakes.queue.add("another", QueuedQuestion("Elsewhere"))
    listed = composer.queued
    assert [row.words.whole_text() for row in listed.rows] == ["Why?", "Describe these pictures."]
    assert listed.sentence.text() == "These are sent one after another, when the answer has ended."
    assert not listed.send.isVisible()
    ids = [question.id for question in fakes.queue.questions("one")]
    QTest.mouseClick(listed.rows[0].edit, Qt.MouseButton.LeftButton)
    line = listed.rows[0].editor
    assert line is not None
    assert line.toPlainText() == "Why?"
    QTest.keyClicks(line, "!")
    fakes.queue.add("one", QueuedQuestion("Later"))
    assert listed.rows[0].editor is line, "it stays open while others come and go"
    QTest.keyClick(line, Qt.Key.Key_Escape)
    assert not any(row.editor for row in listed.rows)
    assert composer.editor.toPlainText() == ""
    QTest.mouseClick(listed.rows[1].remove, Qt.MouseButton.LeftButton)
    fakes.queue.hold("one", MessageState.STOPPED)
    assert listed.sentence.text().endswith("questions wait.")
    QTest.mouseClick(listed.send, Qt.MouseButton.LeftButton)
    assert fakes.calls == [
        ("edit_queued", ids[0]),
        ("rewrite_queued", "Why?!"),
        ("finish_queued", False),
        ("remove_queued", ids[1]),
        ("send_queued",),
    ]
    fakes.conversations.open("third")
    assert not listed.isVisible()


def test_many_queued_questions_scroll(composer: Composer, fakes: FakeServices) -> None:
    for number in range(9):
        fakes.queue.add("one", QueuedQuestion(f"Question {number}"))
    pump(0)
    assert composer.queued.height() < 6 * composer.queued.rows[0].height()
    assert composer.queued.rows[0].height() >= composer.queued.rows[0].edit.sizeHint().height()


@pytest.mark.parametrize(
    "state",
    ["starting", "loading", "ready", "silent", "dead", "failed"],
)
def test_the_state_of_the_engine_is_said_when_it_matters(composer: Composer, fakes: FakeServices, state: State) -> None:
    QTest.keyClicks(composer.editor, "Hello")
    fakes.engine.set_state(state)
    assert bool(composer.hint.text()) is (state != "ready")
    assert composer.send.isEnabled(), "what is sent loads the model first"
    key(composer, Qt.Key.Key_Return)
    assert fakes.chat.calls == [("send", "Hello")]
    assert text_of(composer) == "Hello"


def test_a_question_that_waits_for_its_picture_says_so(composer: Composer, fakes: FakeServices) -> None:
    fakes.chat.waiting_for_pictures = True
    fakes.chat.set_busy(True)
    assert "as soon as the picture has been read" in composer.hint.text()
    key(composer, Qt.Key.Key_Escape)
    assert fakes.chat.calls == [("stop",)]
    fakes.chat.waiting_for_pictures = False
    fakes.chat.set_busy(False)
    assert composer.hint.text() == ""


# ---- pasting and dragging ------------------------------------------------------------------


def test_the_longest_word_is_there_whole_and_soon(composer: Composer, fakes: FakeServices) -> None:
    """Qt's usual way to break lines takes minutes for it."""
    word = "x" * 199_000
    data = QMimeData()
    data.setText(word)
    began = time.monotonic()
    paste(composer, data)
    pump(0)
    composer.grab()
    key(composer, Qt.Key.Key_Return)
    assert time.monotonic() - began < 15
    assert fakes.chat.calls == [("send", word)]


def test_more_than_any_question_can_have_is_refused_in_a_sentence(composer: Composer, fakes: FakeServices) -> None:
    posted: list[Notice] = []
    fakes.notices.posted.connect(posted.append)
    fakes.notices.start()
    QTest.keyClicks(composer.editor, "kept")
    data = QMimeData()
    data.setText("long " * 400_000)
    paste(composer, data)
    composer.insert_text("a\n" * 20_000)
    assert text_of(composer) == "kept"
    assert [(notice.text_code, notice.parameters["characters"], notice.parameters["lines"]) for notice in posted] == [
        ("text-too-long", 2_000_000, 1),
        ("text-too-long", 40_000, 20_001),
    ]
    composer.insert_text("long " * 30_000)
    assert len(text_of(composer)) == 150_004


def test_pasted_html_becomes_plain_words(composer: Composer) -> None:
    data = QMimeData()
    data.setHtml("<b>bold</b> <img src='file:///etc/passwd'>")
    data.setText("bold")
    paste(composer, data)
    assert text_of(composer) == "bold"
    assert "<b>" not in composer.editor.document().toHtml()


def test_a_pasted_picture_is_attached_as_the_clipboard_holds_it(composer: Composer, fakes: FakeServices) -> None:
    original = png(30, 20)
    data = QMimeData()
    data.setData("image/png", original)
    paste(composer, data)
    assert fakes.draft.calls == [("add_bytes", original, "Pasted picture")]
    assert text_of(composer) == ""


def test_a_pasted_picture_without_a_format_becomes_a_png(composer: Composer, fakes: FakeServices) -> None:
    data = QMimeData()
    data.setImageData(QImage(30, 20, QImage.Format.Format_RGB32))
    paste(composer, data)
    verb, sent, _ = fakes.draft.calls[0]
    assert verb == "add_bytes"
    assert QImage.fromData(sent).size() == QImage(30, 20, QImage.Format.Format_RGB32).size()


def test_pasted_files_are_attached_and_their_paths_not_written(composer: Composer, fakes: FakeServices) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/p/two words.png"), QUrl.fromLocalFile("/p/b.jpg")])
    paste(composer, data)
    assert fakes.draft.calls == [("add_urls", ["file:///p/two%20words.png", "file:///p/b.jpg"])]
    assert text_of(composer) == ""


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("https://example.org/lake.png", '<img src="https://example.org/lake.png" alt="A lake">'),
        ("https://example.org/lake.png", ""),
        ("", '<meta http-equiv="x"><!--StartFragment--><img src="x.png"><!--EndFragment-->'),
        ("A lake", '<html><head><title>A lake</title></head><body><img src="https://example.org/a.png"></body></html>'),
    ],
)
def test_a_picture_copied_in_a_browser_is_the_picture_not_its_address(
    composer: Composer, fakes: FakeServices, text: str, html: str
) -> None:
    data = QMimeData()
    data.setData("image/png", png(20, 20))
    if text:
        data.setText(text)
    if html:
        data.setHtml(html)
    paste(composer, data)
    assert fakes.draft.calls == [("add_bytes", png(20, 20), "Pasted picture")]
    assert text_of(composer) == ""


def test_cells_of_a_spreadsheet_are_pasted_as_words(composer: Composer, fakes: FakeServices) -> None:
    data = QMimeData()
    data.setText("1\t2")
    data.setImageData(QImage(30, 20, QImage.Format.Format_RGB32))
    paste(composer, data)
    assert text_of(composer) == "1\t2"
    assert fakes.draft.calls == []


def test_a_pasted_web_address_is_words(composer: Composer, fakes: FakeServices) -> None:
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/a.png")])
    data.setText("https://example.org/a.png")
    paste(composer, data)
    assert text_of(composer) == "https://example.org/a.png"
    assert fakes.draft.calls == []


@pytest.mark.parametrize("kind", ["files", "picture", "words"])
def test_dragged_files_and_pictures_are_left_to_the_window(composer: Composer, kind: str) -> None:
    data = QMimeData()
    if kind == "files":
        data.setUrls([QUrl.fromLocalFile("/p/a.png")])
        data.setText("/p/a.png")
    elif kind == "picture":
        data.setImageData(QImage(3, 2, QImage.Format.Format_RGB32))
    else:
        data.setText("words")
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, left, NO_KEYS)
    composer.editor.dragEnterEvent(enter)
    assert enter.isAccepted() is (kind == "words")
    if kind != "words":
        drop = QDropEvent(QPointF(5, 5), copy, data, left, NO_KEYS)
        composer.editor.dropEvent(drop)
        assert not drop.isAccepted()
        assert text_of(composer) == ""


def test_chosen_files_are_attached(composer: Composer, fakes: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def choose(_parent: object, _title: str, _folder: str, kinds: str, **_: object) -> tuple[list[str], str]:
        asked.append(kinds)
        return ["/p/a.png", "/p/b.webp"], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", choose)
    composer.attach.click()
    assert fakes.draft.calls == [("add_files", ["/p/a.png", "/p/b.webp"])]
    pictures = re.findall(r"[*.\w]+", asked[0].split(";;")[0].partition("(")[2])
    for name in ("lake.heic", "IMG_0001.JPG", "Scan.PNG", "IMG_0001.HEIC", "photo.jpeg"):  # as GTK compares them
        assert any(fnmatchcase(name, pattern) for pattern in pictures), name
    assert composer.editor.hasFocus()


def test_a_picture_for_a_model_without_its_projector_offers_to_add_it(composer: Composer, fakes: FakeServices) -> None:
    fakes.engine.become("ready", LLAVA._replace(mmproj=None, image_tokens=0))
    assert not offered(composer)
    held = fakes.draft.put(picture())
    wait_until(lambda: len(offered(composer)) == 1)
    (button,) = offered(composer)
    with expect_signal(composer.projector_wanted):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    fakes.engine.become("ready", LLAVA)
    assert not offered(composer)
    fakes.engine.become("ready", LLAVA._replace(mmproj=None, image_tokens=0))
    wait_until(lambda: len(offered(composer)) == 1)
    fakes.draft.remove(held.key)
    wait_until(lambda: not offered(composer))


def offered(composer: Composer) -> list[QPushButton]:
    """The buttons for a projector that are seen whole."""
    buttons = composer.findChildren(QPushButton)
    seen = [each for each in buttons if each.visibleRegion().boundingRect() == each.rect()]
    return [each for each in seen if each.text() == "Add its projector…"]


@pytest.mark.parametrize("width", [560, 720])
def test_the_name_of_the_model_can_be_read_beside_a_long_hint(
    composer: Composer, fakes: FakeServices, width: int
) -> None:
    composer.resize(width, composer.height())
    fakes.engine.become("ready", LLAVA._replace(mmproj=None, image_tokens=0))
    fakes.draft.put(picture())
    wait_until(lambda: "cannot see pictures" in composer.hint.text() and composer.model.width() > 0)
    pump(0)
    assert composer.model.width() >= min(120, composer.model.sizeHint().width())


def test_nothing_is_promised_where_the_model_cannot_see(composer: Composer, fakes: FakeServices) -> None:
    fakes.engine.become("ready", LLAVA._replace(mmproj=None, image_tokens=0))
    assert composer.hint.text() == ""
    held = fakes.draft.put(picture())
    assert "cannot see pictures. Take the picture out" in composer.hint.text()
    second = fakes.draft.put(picture())
    wait_until(lambda: "cannot see pictures. Take the pictures out" in composer.hint.text())
    fakes.draft.remove(second.key)
    fakes.chat.calls.clear()
    assert not any("description" in label.text() for label in composer.editor.findChildren(QLabel))
    QTest.keyClicks(composer.editor, "What is this?")
    QTest.keyClick(composer.editor, Qt.Key.Key_Return)
    assert not composer.send.isEnabled()
    assert (text_of(composer), fakes.chat.calls) == ("What is this?", []), "nothing is lost, nothing sent"
    fakes.engine.become("ready", LLAVA)
    assert (composer.hint.text(), composer.send.isEnabled()) == ("", True)
    fakes.engine.become("ready", LLAVA._replace(mmproj=None, image_tokens=0))
    fakes.draft.remove(held.key)
    wait_until(composer.send.isEnabled)


def test_too_many_pictures_are_named_before_they_are_sent(composer: Composer, fakes: FakeServices) -> None:
    fakes.engine.become("ready", LLAVA)  # 4096 tokens, 576 of them for each picture
    held = [fakes.draft.put(picture(f"{number}.png")) for number in range(6)]
    wait_until(lambda: "too many pictures for one question: 5 fit" in composer.hint.text())
    assert not composer.send.isEnabled()
    fakes.draft.remove(held[0].key)
    wait_until(lambda: (composer.hint.text(), composer.send.isEnabled()) == ("", True))


# ---- thumbnails ----------------------------------------------------------------------------


def test_thumbnails_say_what_the_engine_does_with_them(composer: Composer, fakes: FakeServices) -> None:
    draft = fakes.draft.put(None, "checking")
    thumbnail = composer.strip.thumbnails()[0]
    assert not composer.strip.isHidden()
    said = [thumbnail.accessibleName()]
    images = [thumbnail.grab().toImage()]
    for state, progress in (("attached", 0.0), ("reading", 0.3), ("reading", 0.8), ("read", 1.0)):
        draft = fakes.draft.change(draft, picture=picture(), state=state, progress=progress)
        said.append(thumbnail.accessibleName())
        images.append(thumbnail.grab().toImage())
    assert said[0] == "lake.png: being opened"
    assert said[1] == "lake.png: attached"
    assert said[2] == "lake.png: being read, so that the answer starts sooner"
    assert said[4] == "lake.png: already read; the answer will start at once"
    assert all(one != other for one, other in itertools.pairwise(images)), "each state looks different"


def test_the_ring_moves_in_motion_and_jumps_without(composer: Composer, fakes: FakeServices) -> None:
    draft = fakes.draft.put(picture(), "reading", 0.0)
    still = composer.strip.thumbnails()[0]
    draft = fakes.draft.change(draft, progress=0.5)
    at_once = still.grab().toImage()
    theme.set_still(False)
    fakes.draft.change(draft, progress=1.0)
    assert still.grab().toImage() == at_once, "it has only begun to move"
    wait_until(lambda: still.grab().toImage() != at_once)


def test_delete_removes_a_picture_and_goes_on_to_the_next(composer: Composer, fakes: FakeServices) -> None:
    first, second = fakes.draft.put(picture("a.png")), fakes.draft.put(picture("b.png"))
    one, two = composer.strip.thumbnails()
    one.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(one, Qt.Key.Key_Delete)
    assert two.hasFocus()
    QTest.keyClick(two, Qt.Key.Key_Backspace)
    assert fakes.draft.calls == [("remove", first.key), ("remove", second.key)]
    assert composer.strip.isHidden()
    assert composer.editor.hasFocus()
    pump(0)


def test_the_cross_removes_a_picture(composer: Composer, fakes: FakeServices) -> None:
    draft = fakes.draft.put(picture())
    thumbnail = composer.strip.thumbnails()[0]
    assert thumbnail.close_button.accessibleName() == "Remove lake.png"
    thumbnail.close_button.click()
    assert fakes.draft.calls == [("remove", draft.key)]
    pump(0)


def test_a_thumbnail_opens_large_by_click_and_key(composer: Composer, fakes: FakeServices) -> None:
    opened: list[str] = []
    composer.picture_opened.connect(opened.append)
    fakes.draft.put(picture())
    pump(0)
    thumbnail = composer.strip.thumbnails()[0]
    QTest.mouseClick(thumbnail, Qt.MouseButton.LeftButton, pos=QPoint(20, 40))
    thumbnail.setFocus()
    QTest.keyClick(thumbnail, Qt.Key.Key_Return)
    assert opened == [picture().sha256] * 2


def test_many_pictures_scroll_instead_of_widening_the_card(composer: Composer, fakes: FakeServices) -> None:
    width = composer.card.width()
    for number in range(20):
        fakes.draft.put(picture(f"{number}.png"))
    wait_until(lambda: len(composer.strip.thumbnails()) == 20)
    assert composer.card.width() == width
    last = composer.strip.thumbnails()[-1]
    viewport = composer.strip.viewport()
    wait_until(lambda: viewport.rect().contains(last.mapTo(viewport, last.rect().center())))


def test_a_folder_of_pictures_is_shown_bit_by_bit(
    composer: Composer, fakes: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    updates: list[State] = []
    state = fakes.engine.state

    def counted() -> State:  # the card looks at it when it says what can be done
        updates.append(state())
        return updates[-1]

    monkeypatch.setattr(fakes.engine, "state", counted)
    added = [fakes.draft.put(picture(f"{number}.png")) for number in range(200)]
    assert 0 < len(composer.strip.thumbnails()) <= 10
    for each in added[:100]:
        fakes.draft.remove(each.key)
    changed = fakes.draft.change(added[150], state="read", progress=1.0)
    assert len(updates) == 1
    wait_until(lambda: len(composer.strip.thumbnails()) == 100)
    assert [shown.draft().key for shown in composer.strip.thumbnails()] == [each.key for each in added[100:]]
    assert composer.strip.thumbnails()[50].draft() == changed
    assert len(updates) == 2
    composer.strip.thumbnails()[-1].setFocus()
    QTest.keyClick(composer.strip.thumbnails()[-1], Qt.Key.Key_Left)
    assert composer.strip.thumbnails()[-2].hasFocus()


def test_everything_is_reached_by_tab_and_has_a_name(composer: Composer, fakes: FakeServices) -> None:
    QTest.keyClicks(composer.editor, "x")
    fakes.draft.put(picture())
    names = []
    for _ in range(5):
        focused = QApplication.focusWidget()
        assert focused is not None
        names.append(focused.accessibleName())
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    others = {"Model: Eyebright tiny (built-in). Choose another one."}
    assert set(names) == {*others, "Your question", "Attach pictures…", "Send", "lake.png: attached"}


# ---- how closely to look -------------------------------------------------------------------


def test_what_looking_costs_is_shown_only_where_there_is_a_choice(composer: Composer, fakes: FakeServices) -> None:
    fakes.draft.put(picture())
    assert not composer.picture_detail.isVisible()
    fakes.picture_detail.show(DetailOptions(DetailCost(5, 2880, 0.0), DetailCost(1, 577, 0.0), Wish.AUTOMATIC))
    assert composer.picture_detail.isVisible()
    buttons = composer.picture_detail.choice.buttons
    assert [button.text() for button in buttons.values()] == ["Automatic", "Quick", "Whole (5 parts)"]
    whole, quick = DetailCost(10, 5760, 187.0), DetailCost(2, 1154, 21.4)
    fakes.picture_detail.show(DetailOptions(whole, quick, Wish.QUICK, fitting=3, wished=5))
    assert [button.text() for button in buttons.values()] == [
        "Automatic",
        "Quick, about 21 s",
        "Whole (10 parts), about 3 min",
    ]
    assert buttons["quick"].isChecked()
    assert "3 of 5" in composer.picture_detail.note.text()
    QTest.mouseClick(buttons["whole"], Qt.MouseButton.LeftButton)
    assert fakes.picture_detail.calls == [("choose", Wish.WHOLE)]
    fakes.picture_detail.show(None)
    assert not composer.picture_detail.isVisible()
    fakes.picture_detail.show(None, WholeCost(1, 1271, 0.0))
    assert composer.picture_detail.isVisible()
    assert not composer.picture_detail.choice.isVisible()
    assert composer.picture_detail.note.text() == "The picture takes 1,271 tokens"
    fakes.picture_detail.show(None, WholeCost(2, 640, 11.6))
    assert composer.picture_detail.note.text() == "The pictures take 640 tokens, about 12 s"
    for cost, says in [
        (WholeCost(0, 0, 0.0, read=1), "The picture is read"),
        (WholeCost(0, 0, 0.0, read=2), "The pictures are read"),
        (WholeCost(1, 640, 11.6, read=2), "Still to be read: 640 tokens, about 12 s"),
        (WholeCost(1, 640, 0.0, read=1), "Still to be read: 640 tokens"),
    ]:
        fakes.picture_detail.show(None, cost)
        assert composer.picture_detail.note.text() == says
    fakes.picture_detail.show(DetailOptions(DetailCost(5, 2880, 0.0), DetailCost(1, 577, 0.0), Wish.AUTOMATIC))
    assert composer.picture_detail.choice.isVisible()
    assert not composer.picture_detail.note.isVisible()


def test_how_much_is_read_is_told_and_why(composer: Composer, fakes: FakeServices) -> None:
    fakes.draft.put(picture())
    whole, quick = DetailCost(2, 1152, 42.0), DetailCost(2, 384, 16.0)
    options = DetailOptions(whole, quick, Wish.AUTOMATIC, Look.QUICK, in_parts=False)
    fakes.picture_detail.show(options)
    buttons = [button.text() for button in composer.picture_detail.choice.buttons.values() if button.isVisible()]
    assert buttons == ["Automatic", "Quick, about 16 s", "Whole, about 40 s"]
    close = options._replace(look=Look.WHOLE)
    for shown, told in (
        (options, "Reads 384 of 1,152 tokens, the rest later"),
        (close, "Reads all 1,152 tokens, because you ask for text or numbers"),
        (close._replace(fine=True), "Reads all 1,152 tokens, because of the small print"),
        (close._replace(wish=Wish.WHOLE), "Reads all 1,152 tokens"),
        (options._replace(reads_later=False), "Reads 384 of 1,152 tokens"),
        (options._replace(is_read=True), "At least 384 of 1,152 tokens are read"),
        (close._replace(is_read=True), "All 1,152 tokens are read"),
        (
            options._replace(fitting=100, wished=192, in_tokens=True),
            "The context is too small: only 100 of 192 tokens of a picture fit.",
        ),
    ):
        fakes.picture_detail.show(shown)
        assert composer.picture_detail.note.whole_text() == told
    QTest.mouseClick(composer.picture_detail.choice.buttons["quick"], Qt.MouseButton.LeftButton)
    assert fakes.picture_detail.calls == [("choose", Wish.QUICK)]
    fakes.picture_detail.show(DetailOptions(whole, quick, Wish.AUTOMATIC))
    assert not composer.picture_detail.choice.buttons["automatic"].isVisible(), "nothing would be read later"
    assert composer.picture_detail.choice.buttons["whole"].isChecked()


def test_how_many_tokens_a_picture_may_take_is_chosen_with_its_cost(composer: Composer, fakes: FakeServices) -> None:
    fakes.draft.put(picture())
    costs = {70: WholeCost(1, 66, 3.2), 280: WholeCost(1, 264, 14.0), 1120: WholeCost(1, 1107, 101.0)}
    fakes.picture_detail.show(None, costs[280], TokenOptions(costs, 280, 280))
    control = composer.picture_detail.tokens
    assert control is not None
    assert [button.text() for button in control.buttons.values()] == ["70", "280 tokens (as trained)", "1,120"]
    assert control.buttons["280"].isChecked()
    assert composer.picture_detail.note.text() == "The picture takes 264 tokens, about 14 s"
    assert "1,107 tokens, about 100 s" in control.buttons["1120"].toolTip()
    QTest.mouseClick(control.buttons["1120"], Qt.MouseButton.LeftButton)
    assert fakes.picture_detail.calls == [("choose_tokens", 1120)]
    fakes.picture_detail.show(None, costs[280], TokenOptions(costs, 1120, 280, 264, 1107))
    assert composer.picture_detail.note.text() == "The context is too small: only 264 of 1,107 tokens of a picture fit."
    fewer = {70: costs[70], 140: costs[70]}
    fakes.picture_detail.show(None, costs[70], TokenOptions(fewer, 140, 140))
    assert composer.picture_detail.tokens is not None
    assert list(composer.picture_detail.tokens.buttons) == ["70", "140"]
    fakes.picture_detail.show(DetailOptions(DetailCost(5, 2880, 0.0), DetailCost(1, 577, 0.0), Wish.AUTOMATIC))
    assert not composer.picture_detail.tokens.isVisible()


def test_the_switch_to_think_first_is_there_while_the_model_can(composer: Composer, fakes: FakeServices) -> None:
    fakes.engine.become("ready", LLAVA)
    assert not composer.think.isVisible()
    fakes.engine.become("ready", LLAVA._replace(can_think=True))
    assert composer.think.isVisible()
    assert not composer.think.isChecked()
    QTest.mouseClick(composer.think, Qt.MouseButton.LeftButton)
    assert composer.think.isChecked()
    assert fakes.preferences.value("think_first") is True
    QTest.mouseClick(composer.think, Qt.MouseButton.LeftButton)
    assert fakes.preferences.value("think_first") is False
    fakes.engine.become("ready", LLAVA)
    assert not composer.think.isVisible()
