"""Messages of any length open at once, and are copied whole."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtTest import QTest

from desktop_app.ui.transcript.markdown.builder import markdown_document
from desktop_app.ui.transcript.view import TranscriptView
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.waiting import pump

LONG = {
    "a word": "x" * 5_000_000,
    "words": "word " * 1_000_000,
    "lines": "line\n" * 400_000,
    "a script without spaces": "漢字" * 1_000_000,
    "code": "```\n" + "y" * 2_000_000 + "\n```",
    "words that stay together": "a\u00a0" * 500_000,
    "many long words": ("z" * 9_900 + " ") * 10,
}
TABLE = "\n".join(["| a " * 50 + "|", "|---" * 50 + "|", *["| 1 " * 50 + "|"] * 500])


@pytest.mark.parametrize("name", LONG)
def test_a_conversation_with_a_very_long_text_opens_at_once(
    transcript: TranscriptView, fakes: FakeServices, name: str
) -> None:
    text = LONG[name]
    for messages in ((question(text), answer("Yes.")), (question("?"), answer(text))):
        began = time.monotonic()
        fakes.chat.show(*messages)
        transcript.grab()
        pump(0)
        assert time.monotonic() - began < 5
    if len(text) > 1_000_000:
        assert "more characters" in transcript.page.rows.row(1).document.toPlainText()


def test_all_of_a_long_message_is_copied(transcript: TranscriptView, fakes: FakeServices) -> None:
    text = LONG["a word"]
    fakes.chat.show(question(text), answer("Yes."))
    transcript.page.keyboard.focus_message(0)
    for keys in (QKeySequence.StandardKey.Copy, QKeySequence.StandardKey.SelectAll, QKeySequence.StandardKey.Copy):
        QTest.keySequence(transcript.page, QKeySequence(keys))
    assert QGuiApplication.clipboard().text() == text
    QGuiApplication.clipboard().clear()
    QTest.keyClick(transcript.page, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == text


def test_a_long_question_is_edited_whole(transcript: TranscriptView, fakes: FakeServices) -> None:
    text = "x" * 900_000
    shown = question(text)
    fakes.chat.show(shown, answer("Yes."))
    transcript.page.keyboard.focus_message(0)
    began = time.monotonic()
    QTest.keyClick(transcript.page, Qt.Key.Key_F2)
    pump(0)
    transcript.grab()
    assert time.monotonic() - began < 15
    QTest.keyClick(transcript.editor.editor, Qt.Key.Key_Return)
    assert fakes.chat.calls[-1] == ("edit", shown.id, text, ())


def test_a_huge_table_is_shown_as_it_was_written() -> None:
    document = markdown_document(TABLE)
    assert document.toPlainText().startswith("| a | a ")
    small = markdown_document("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 100)
    assert "|" not in small.toPlainText()


def test_a_message_of_usual_length_is_shown_whole(transcript: TranscriptView, fakes: FakeServices) -> None:
    text = "A few words. " * 2_000
    fakes.chat.show(question(text), answer(text))
    for row in (0, 1):
        assert "more characters" not in transcript.page.rows.row(row).document.toPlainText()


def test_a_long_word_that_is_pasted_bit_by_bit_takes_no_time(transcript: TranscriptView, fakes: FakeServices) -> None:
    fakes.chat.show(question("Read this:"), answer("Yes."))
    transcript.page.keyboard.focus_message(0)
    QTest.keyClick(transcript.page, Qt.Key.Key_F2)
    editor = transcript.editor.editor
    began = time.monotonic()
    for _ in range(40):
        QGuiApplication.clipboard().setText("x" * 9_900)
        editor.paste()
        pump(0)
        assert time.monotonic() - began < 20
