"""How soon a long conversation is seen after a click, and the memory of the window that has shown it."""

from __future__ import annotations

import os
import random
import time
from typing import cast

from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from bench.memory import pss_mib
from bench.results import Sheet
from bench.ui.aims import Scale
from bench.ui.real_window import RealWindow
from bench.ui.stand_in import StandIn
from desktop_app import paths
from desktop_app.chat.conversation import Message, Role, new_id
from desktop_app.chat.database import open_database
from desktop_app.chat.history import History
from desktop_app.engine.client import EngineClient
from desktop_app.ui.conversation_list import ConversationView

_SETTLE_S = 1.0
_LIMIT_MS = 30_000
_WORDS = 100  # of a message


class _Painted(QObject):
    """Notes whether something of the page was painted that shows the conversation."""

    def __init__(self, real: RealWindow, messages: int) -> None:
        super().__init__()
        self._real = real
        self._messages = messages
        self.seen = False
        self.loop = QEventLoop()  # it waits, and leaves the processor to the threads; ended after the painting

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint and isinstance(watched, QWidget):
            page = self._real.window.pages.currentWidget()
            shows = page is not None and page is not self._real.window.start_page and page.isAncestorOf(watched)
            if not self.seen and shows and len(self._real.services.chat.messages()) == self._messages:
                self.seen = True
                QTimer.singleShot(0, self.loop, self.loop.quit)
        return False


def measure(scale: Scale, sheet: Sheet) -> None:
    """Open the conversation by a click in the sidebar, again and again."""
    _write_history(scale.messages)
    with RealWindow(lambda on_event: cast(EngineClient, StandIn(on_event))) as real:
        conversations = real.services.conversations
        real.wait(conversations.summaries)
        real.settle(_SETTLE_S)
        took = []
        for _ in range(scale.openings):
            took.append(_open(real, scale.messages))
            real.settle(_SETTLE_S)
            conversations.new()
            real.settle(_SETTLE_S)
        _open(real, scale.messages)
        real.settle(_SETTLE_S)
        memory = pss_mib(os.getpid())
    sheet.put("long_conversation.first_ms", took[0] * 1000)
    sheet.put("long_conversation.open_ms", sorted(took)[len(took) // 2] * 1000)
    if memory is None:
        sheet.fail("long_conversation.memory_mib", "this system does not tell a process's share of memory")
    else:
        sheet.put("long_conversation.memory_mib", memory)


def _open(real: RealWindow, messages: int) -> float:
    rows = real.window.sidebar.findChild(ConversationView)
    assert rows is not None
    painted = _Painted(real, messages)
    real.application.installEventFilter(painted)
    started = time.monotonic()
    place = rows.visualRect(rows.model().index(0, 0)).center()
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    QTimer.singleShot(_LIMIT_MS, painted.loop, painted.loop.quit)
    painted.loop.exec()
    took = time.monotonic() - started
    real.application.removeEventFilter(painted)
    if not painted.seen:
        raise TimeoutError("the conversation was not painted")
    return took


def _write_history(messages: int) -> None:
    paths.make_folders()
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(5000)]
    database, _damage = open_database(paths.history_file())
    history = History(database)
    database.read("PRAGMA synchronous = OFF")  # only filled here
    conversation, parent = new_id(), None
    for number in range(messages):
        role = Role.ASSISTANT if number % 2 else Role.USER
        message = Message(new_id(), role, " ".join(chance.choices(words, k=_WORDS)), (), parent)
        history.add_message(conversation, message)
        parent = message.id
    history.close()
