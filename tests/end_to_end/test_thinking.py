"""The whole program with a small random model that can think: the switch, what it thinks, and Stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop_app.chat.conversation import State
from desktop_app.engine.messages import Phase
from desktop_app.ui.composer.composer import Composer
from tests.end_to_end.test_main_job import Program
from tests.helpers.waiting import wait_until
from tests.random_models.qwen35 import write_qwen35

pytestmark = pytest.mark.timeout(240)
_MODEL_S = 60.0


def test_it_thinks_when_the_switch_is_on(program: Program, tmp_path: Path) -> None:
    services = program.services
    composer = program.window.findChild(Composer)
    assert composer is not None
    assert not composer.think.isVisible(), "the built-in model cannot think"
    path = write_qwen35(tmp_path / "thinker.gguf")
    for name, value in (("seed", 1), ("temperature", 0.0), ("max_tokens", 48), ("model", str(path)), ("mmproj", "")):
        services.preferences.set(name, value)
    wait_until(lambda: (info := services.engine.info()) is not None and info.can_think, _MODEL_S)
    assert composer.think.isVisible()
    plain = program.ask("What is a star?")
    assert plain.thought == ""
    QTest.mouseClick(composer.think, Qt.MouseButton.LeftButton)
    assert composer.think.isChecked()
    phases: list[Phase | None] = []
    services.answers.phase.connect(lambda _id, phase, _details: phases.append(phase))
    thoughtful = program.ask("And the moon?")
    assert Phase.THINKING in phases
    assert thoughtful.thought.strip()
    rows = program.window.transcript.page.rows
    row = rows.row(rows.index_of(thoughtful.id))
    assert not row.thought_head.isNull()
    assert row.thought.isNull()
    assert thoughtful.thought not in row.document.toPlainText()
    # Stop works meanwhile.
    services.preferences.set("max_tokens", 2000)
    phases.clear()
    program.type_and_send("Why?")
    wait_until(lambda: Phase.THINKING in phases, _MODEL_S)
    QTest.mouseClick(composer.send, Qt.MouseButton.LeftButton)
    wait_until(lambda: not services.chat.is_busy())
    assert services.chat.messages()[-1].state is State.STOPPED
