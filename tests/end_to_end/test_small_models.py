"""Real window, real engine, small random models of families that are not LLaVA's: the words are transformers' own."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget

from desktop_app.chat.conversation import Message
from desktop_app.paths import settings_file
from desktop_app.settings import SETTINGS, Settings
from desktop_app.ui.composer.composer import Composer
from tests.end_to_end.test_main_job import Program, close_program, open_program, programs
from tests.engine.held_to_transformers import picture, records_of, written_text
from tests.helpers.waiting import wait_until
from tests.random_models.small_models import SMALL_MODELS
from tests.random_models.talks import TALKS, SmallModel

__all__ = ["programs"]
pytestmark = pytest.mark.timeout(240)
_MODEL_S = 60.0
_WHAT = TALKS["first"][0].question


@pytest.fixture(params=[name for name in SMALL_MODELS if "closer" not in name])
def small(request: pytest.FixtureRequest) -> SmallModel:
    return SMALL_MODELS[request.param]


@pytest.fixture
def length(small: SmallModel) -> int:
    return max(1, len(records_of(small)["written first"]))


@pytest.fixture(autouse=True)
def _chosen(
    small: SmallModel, length: int, tmp_path: Path, programs: list[Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is chosen, and its answers are greedy and short."""
    monkeypatch.setitem(SETTINGS, "max_tokens", SETTINGS["max_tokens"]._replace(low=1))
    model, mmproj = small.write(tmp_path)
    settings = Settings(settings_file())
    for name, value in {
        "model": str(model),
        "mmproj": str(mmproj),
        "temperature": 0.0,
        "max_tokens": length,
    }.items():
        settings.set(name, value)
    settings.save()


def attach(program: Program, small: SmallModel, number: int, folder: Path) -> None:
    assert program.drop(Path(picture(small.shapes[number], folder).path))
    wait_until(lambda: [p.state for p in program.services.draft.pictures()] == ["read"], _MODEL_S)


def answered(program: Program) -> Message:
    wait_until(lambda: not program.services.chat.is_busy(), _MODEL_S)
    return program.services.chat.messages()[-1]


def note(program: Program) -> str:
    """What is said below the pictures of the draft."""
    composer = program.window.findChild(Composer)
    assert composer is not None
    shown: QWidget = composer.picture_detail
    assert shown.isVisible()
    return composer.picture_detail.note.text()


def test_a_conversation(programs: list[Program], small: SmallModel, tmp_path: Path) -> None:
    words = written_text(small, "first", tmp_path)
    program = open_program(programs)
    program.services.preferences.set("picture_look", "whole")
    chat = program.services.chat
    attach(program, small, 0, tmp_path)
    info = program.services.engine.info()
    assert info is not None
    if info.any_size is not None:
        assert f"{info.any_size.tokens(*small.shapes[0])} tokens" in note(program) or "read" in note(program)
    first = program.ask(_WHAT)
    follow_up = program.ask("And what is behind it?")
    assert follow_up.details["image_encodes"] == 0

    # Answered again, asked in other words, and asked in the first words once more.
    chat.regenerate(follow_up.id)
    assert answered(program).text == follow_up.text
    chat.edit(chat.messages()[0].id, "What is it?")
    assert answered(program).details["image_encodes"] == 0
    chat.edit(chat.messages()[0].id, _WHAT)
    assert answered(program).text == first.text

    # Stopped as soon as it is sent, with another picture; then asked again.
    attach(program, small, 1, tmp_path)
    program.type_and_send("What is in this one?")
    wait_until(chat.is_busy)
    chat.stop()
    stopped = answered(program)
    chat.regenerate(stopped.id)
    assert answered(program).text.startswith(stopped.text)

    # Found again after a restart, and gone on with.
    conversation = program.services.conversations.current_id()
    close_program(programs, program)
    program = open_program(programs)
    if program.services.conversations.current_id() != conversation:
        program.services.conversations.open(conversation or "")
    wait_until(lambda: len(program.services.chat.messages()) == 4)
    assert program.ask("Sure?").details["image_encodes"] == 0
    if words:
        assert first.text == words.strip()
