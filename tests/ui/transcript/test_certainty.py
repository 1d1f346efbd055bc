"""What the window says of how sure the model was: under the answer, at its words, and to screen readers."""

from __future__ import annotations

import math
from typing import cast

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QHelpEvent, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QApplication, QToolTip

from desktop_app.chat.certainty import KEY, Certainty, Sureness, WordScore, to_details
from desktop_app.chat.conversation import Message, State
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.markdown.fragments import markdown_of
from desktop_app.ui.transcript.markdown.unsure_words import underline
from desktop_app.ui.transcript.view import TranscriptView
from desktop_app.ui.widgets.theme import theme
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.waiting import pump, wait_until

TEXT = "The 🐈 **circle** is red, `and` the [star](https://example.org/star) is\n\n- big"
LIKELY = math.log(40)


def said(sureness: Sureness, *unsure: str, text: str = TEXT, picture: float | None = None) -> Message:
    """Return an answer of whose words some are unsure."""
    found = sorted((text.index(word), text.index(word) + len(word)) for word in unsure)
    scores = tuple(WordScore(start, end, 0.42, picture) for start, end in found)
    return answer(text, details={KEY: to_details(Certainty(sureness, 0.42, scores)), "model": "LLaVA"})


def show(view: TranscriptView, fakes: FakeServices, message: Message, wish: str = "full") -> None:
    fakes.preferences.values["certainty"] = wish
    fakes.chat.path = [question("What is it?"), message]
    fakes.chat.reset.emit()
    pump(0)
    assert view.page.rows.laid_out() == 2


def underlined(view: TranscriptView) -> list[str]:
    """Return the underlined words of the answer."""
    found = []
    block = view.page.rows.row(1).document.begin()
    while block.isValid():
        for piece in block.textFormats():
            if piece.format.underlineStyle() is QTextCharFormat.UnderlineStyle.DotLine:
                found.append(block.text().encode("utf-16-le")[2 * piece.start : 2 * (piece.start + piece.length)])
        block = block.next()
    return [part.decode("utf-16-le") for part in found]


def place_of(view: TranscriptView, word: str) -> QPoint:
    """Return where a word is in the window."""
    row = view.page.rows.row(1)
    cursor: QTextCursor = row.document.find(word)
    block = cursor.block()
    line = block.layout().lineForTextPosition(cursor.selectionStart() - block.position())
    along: object = line.cursorToX(cursor.selectionStart() - block.position() + 1)
    x = cast(float, along[0] if isinstance(along, tuple) else along)  # a pair in PySide6, whatever its stubs say
    above = row.document.documentLayout().blockBoundingRect(block).topLeft()
    inside = QPoint(round(above.x() + x), round(above.y() + line.y() + line.height() / 2)) + row.text.topLeft()
    rect = view.page.rows.rect(1)
    assert rect is not None
    return rect.topLeft() + inside


def test_words_are_underlined_wherever_markdown_put_them(transcript: TranscriptView, fakes: FakeServices) -> None:
    show(transcript, fakes, said(Sureness.NOT_SURE, "circle", "and", "star", "big"))
    assert underlined(transcript) == ["circle", "and", "star", "big"]


def test_what_is_copied_knows_nothing_of_it(transcript: TranscriptView, fakes: FakeServices) -> None:
    text = TEXT.replace("🐈 ", "")
    show(transcript, fakes, said(Sureness.NOT_SURE, "circle", "and", "star", text=text))
    document = transcript.page.rows.row(1).document
    assert markdown_of(document, 0, document.characterCount() - 1) == text


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (None, "The model was 42% sure of this word."),
        (LIKELY, "The model was 42% sure of this word. The picture made it 40 times as likely."),
        (20.0, "The model was 42% sure of this word. Without the picture it would hardly have written it."),
        (0.1, "The model was 42% sure of this word. Without the picture it would have been about as likely."),
        (-LIKELY, "The model was 42% sure of this word. Without the picture it would have been more likely."),
    ],
)
def test_a_tip_says_what_is_known_of_a_word(
    transcript: TranscriptView, fakes: FakeServices, picture: float | None, sentence: str
) -> None:
    show(transcript, fakes, said(Sureness.NOT_SURE, "circle", "big", picture=picture))
    for word, expected in (("circle", sentence), ("red", ""), ("big", sentence)):
        assert transcript.page.pointer.tip_at(place_of(transcript, word)) == expected
    viewport, place = transcript.page.viewport(), place_of(transcript, "big")
    QApplication.sendEvent(viewport, QHelpEvent(QHelpEvent.Type.ToolTip, place, viewport.mapToGlobal(place)))
    wait_until(lambda: sentence[:20] in QToolTip.text())
    QToolTip.hideText()


@pytest.mark.parametrize(
    ("sureness", "wish", "mark"),
    [
        (Sureness.NOT_SURE, "full", "The model was not sure of this answer."),
        (Sureness.NOT_SURE, "quiet", "The model was not sure of this answer."),
        (Sureness.NOT_SURE, "off", ""),
        (
            Sureness.DID_NOT_LOOK,
            "full",
            "The model did not look: without the picture it would have answered the same.",
        ),
        (Sureness.DID_NOT_LOOK, "quiet", ""),
        (Sureness.SURE, "full", "The model was sure of this answer."),
        (Sureness.SURE, "quiet", ""),
        (Sureness.UNKNOWN, "full", ""),
    ],
)
def test_as_much_is_said_as_is_wished(
    transcript: TranscriptView, fakes: FakeServices, sureness: Sureness, wish: str, mark: str
) -> None:
    show(transcript, fakes, said(sureness, "circle"), wish)
    shown = transcript.page.rows.messages()[1]
    assert words.mark(shown) == mark
    assert transcript.page.rows.row(1).mark.isNull() == (not mark)
    assert underlined(transcript) == (["circle"] if wish == "full" else [])


def test_another_wish_takes_effect_at_once(transcript: TranscriptView, fakes: FakeServices) -> None:
    show(transcript, fakes, said(Sureness.NOT_SURE, "circle"), "quiet")
    assert underlined(transcript) == []
    fakes.preferences.set("certainty", "full")
    assert underlined(transcript) == ["circle"]
    fakes.preferences.set("certainty", "off")
    assert (underlined(transcript), words.mark(transcript.page.rows.messages()[1])) == ([], "")


def test_a_screen_reader_hears_which_words(transcript: TranscriptView, fakes: FakeServices) -> None:
    show(transcript, fakes, said(Sureness.NOT_SURE, "circle", "big"))
    spoken = words.spoken(transcript.page.rows.messages()[1])
    assert spoken.endswith("The model was not sure of this answer. The model was not sure of these words: circle, big.")


def test_it_is_said_of_an_answer_that_was_stopped_too(transcript: TranscriptView, fakes: FakeServices) -> None:
    message = said(Sureness.NOT_SURE, "circle")
    show(transcript, fakes, Message(**{**message.__dict__, "state": State.STOPPED}))
    assert (
        words.mark(transcript.page.rows.messages()[1])
        == "You stopped this answer. The model was not sure of this answer."
    )


@pytest.mark.parametrize(("look", "zoom"), [("light", 100), ("dark", 100), ("light", 200), ("dark", 200)])
def test_the_line_is_quiet_in_every_look(transcript: TranscriptView, fakes: FakeServices, look: str, zoom: int) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme.set_zoom(zoom)
    theme.install(app, "dark" if look == "dark" else "light")
    show(transcript, fakes, said(Sureness.NOT_SURE, "circle"))
    assert underlined(transcript) == ["circle"]
    cursor = transcript.page.rows.row(1).document.find("circle")
    assert cursor.charFormat().underlineColor() == theme.colour("muted")
    assert cursor.charFormat().fontWeight() > 500  # it is bold as before


def test_a_paragraph_is_laid_out_once_however_many_words_are_underlined(qapp: QApplication) -> None:
    """Laid out for each word, a thousand of them would take seconds."""
    document = QTextDocument("w " * 300)
    document.documentLayout()  # without one nobody is told
    changes: list[int] = []
    document.contentsChange.connect(lambda _position, _removed, added: changes.append(added))
    underline(document, "w " * 300, [((2 * word, 2 * word + 1), "said") for word in range(300)])
    assert len(changes) == 1
