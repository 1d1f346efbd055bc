"""A report of a problem tells how the engine has ended: real window, real engine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from PySide6.QtGui import QAction

from desktop_app.chat.conversation import State
from desktop_app.ui.help.report import ReportDialog
from tests.end_to_end.test_main_job import Program
from tests.helpers.strays import Expected
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.timeout(240)


def test_crashes_of_the_engine_are_in_it_and_sending_brings_the_engine_back(
    program: Program, expected: Expected
) -> None:
    expected.log("ended with exit code", logger="desktop_app.engine.engine_process")
    engine, window = program.services.engine, program.window
    asked = "Is this secret?"
    assert program.ask(asked).state is State.COMPLETE
    for after in ("loading", "dead"):  # the first time it starts again by itself
        wait_until(lambda: engine.state() == "ready", 60)
        pid = engine.pid()
        assert pid is not None
        os.kill(pid, signal.SIGSEGV)
        wait_until(lambda: engine.state() == after)  # noqa: B023
    assert program.ask("Are you there?").state is State.COMPLETE, "sending starts it again"
    report = next(each for each in window.findChildren(QAction) if "Report a problem" in each.text().replace("&", ""))
    report.trigger()
    [dialog] = window.findChildren(ReportDialog)
    said = dialog.text.toPlainText()
    assert "The engine ended with exit code -11." in said
    assert "Segmentation fault" in said
    assert asked not in said
    assert str(Path.home()) not in said
    dialog.close()
