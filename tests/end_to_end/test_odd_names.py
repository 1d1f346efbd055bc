"""A file whose name is no UTF-8 is taken by every way in, and its conversation is exported by every way out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shutil import copyfile

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from desktop_app import paths
from desktop_app.services.single_instance import receive_or_hand_over
from tests.end_to_end.test_main_job import Program
from tests.engine.questions import draw
from tests.helpers.waiting import expect_signal, wait_until

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names"),
]


@pytest.fixture
def odd(tmp_path: Path) -> str:
    folder = os.fsencode(tmp_path) + b"/ordner \xe4"
    os.mkdir(folder)  # noqa: PTH102 - bytes
    path = os.fsdecode(folder + b"/gr\xfcn.png")
    copyfile(draw(tmp_path / "star.png", "red").path, path)
    return path


def attached(program: Program) -> None:
    wait_until(lambda: [p.state for p in program.services.draft.pictures()] == ["read"], 60.0)


def test_dropped_asked_and_exported(program: Program, odd: str, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromEncoded(Path(odd).as_uri().encode())])
    middle = program.window.rect().center()
    actions, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for event in (
        QDragEnterEvent(middle, actions, data, buttons, keys),
        QDropEvent(QPointF(middle), actions, data, buttons, keys),
    ):
        QApplication.sendEvent(program.window, event)
        assert event.isAccepted()
    attached(program)
    program.ask("Which colour?")
    for ending in ("html", "md", "json"):
        target = tmp_path / f"out.{ending}"
        with expect_signal(program.services.exports.exported):
            program.services.exports.export(str(target))
        assert "gr\ufffdn.png" in target.read_text("utf-8").replace("\\ufffd", "\ufffd").replace("\\", "")


def test_chosen_in_a_dialog_which_cannot_say_its_name(program: Program, odd: str) -> None:
    chosen = os.fsencode(odd).decode(errors="replace")  # as Qt decodes it
    program.services.draft.add_files([chosen])
    attached(program)
    program.services.draft.remove(program.services.draft.pictures()[0].key)


def test_handed_over_by_a_second_start(program: Program, odd: str) -> None:
    import threading

    reception = receive_or_hand_over(paths.window_key_file(), [])
    assert reception is not None
    try:
        reception.arrived.connect(program.services.draft.add_files)
        reception.listen()
        wait_until(paths.window_key_file().exists)
        handed: list[object] = []
        second = threading.Thread(target=lambda: handed.append(receive_or_hand_over(paths.window_key_file(), [odd])))
        second.start()
        attached(program)
        second.join()
        assert handed == [None]
    finally:
        reception.close()
