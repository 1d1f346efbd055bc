"""The whole program says when the model guessed: real window, real engine, the built-in model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtGui import QTextCharFormat
from PySide6.QtWidgets import QApplication

from desktop_app.chat.certainty import Certainty, Sureness, from_details
from desktop_app.chat.conversation import Message
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.view import TranscriptView
from tests.end_to_end.test_main_job import Program
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def programs(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Program]]:
    """A program that tells all, and those that are opened after it."""
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    opened = [Program()]
    for name, value in (("certainty", "full"), ("temperature", 0.0)):
        opened[0].services.preferences.set(name, value)
    yield opened
    opened[-1].close()


def known(message: Message) -> Certainty:
    found = from_details(message.details, len(message.text))
    assert found is not None
    return found


def shown(program: Program) -> Message:
    view = program.window.findChild(TranscriptView)
    assert view is not None
    return view.page.rows.messages()[-1]


def underlined(program: Program) -> list[str]:
    """Return the underlined words of the last answer."""
    view = program.window.findChild(TranscriptView)
    assert view is not None
    found, block = [], view.page.rows.row(len(view.page.rows.messages()) - 1).document.begin()
    while block.isValid():
        for piece in block.textFormats():
            if piece.format.underlineStyle() is QTextCharFormat.UnderlineStyle.DotLine:
                found.append(block.text()[piece.start : piece.start + piece.length])
        block = block.next()
    return found


def empty(path: Path) -> Path:
    """Save a picture in which nothing is drawn: whatever shape is named is a guess."""
    Image.new("RGB", (160, 120), (90, 140, 60)).save(path)
    return path


def test_it_is_said_kept_and_there_after_a_restart(programs: list[Program], tmp_path: Path) -> None:
    [first] = programs
    assert first.drop(empty(tmp_path / "empty.png"))
    wait_until(lambda: [one.state for one in first.services.draft.pictures()] == ["read"], 60)
    answer = first.ask("What shape is this?")
    assert known(answer).sureness is Sureness.NOT_SURE
    assert underlined(first)
    assert words.mark(shown(first)) == "The model was not sure of this answer."
    wait_until(lambda: all(word.picture is not None for word in known(first.services.chat.messages()[-1]).words), 30)
    judged, marked = known(first.services.chat.messages()[-1]), underlined(first)
    assert judged.sureness is Sureness.NOT_SURE
    hello = first.ask("Hello!")
    wait_until(lambda: known(first.services.chat.messages()[-1]).sureness is Sureness.DID_NOT_LOOK, 30)
    assert words.mark(shown(first)).startswith("The model did not look")
    conversation = first.services.conversations.current_id()
    first.close()
    programs.append(Program())
    again = programs[-1]
    again.services.conversations.open(conversation)
    wait_until(lambda: [message.text for message in again.services.chat.messages()[1::2]] == [answer.text, hello.text])
    assert known(again.services.chat.messages()[1]) == judged
    assert marked
    assert "The model was not sure of these words: " + ", ".join(marked) in words.spoken(
        again.services.chat.messages()[1]
    )


def test_asked_at_once_again_nothing_is_lost(programs: list[Program], tmp_path: Path) -> None:
    """The next question comes before the engine has been idle; the first answer is read once more after both."""
    [program] = programs
    assert program.drop(empty(tmp_path / "empty.png"))
    wait_until(lambda: [one.state for one in program.services.draft.pictures()] == ["read"], 60)
    program.ask("What shape is this?")
    program.ask("Hello!")

    def all_known() -> bool:
        answers = program.services.chat.messages()[1::2]
        return all(word.picture is not None for answer in answers for word in known(answer).words)

    wait_until(all_known, 30)
