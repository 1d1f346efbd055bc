"""Texts that are not ours are shown as they are: no tool tip and no label opens the file that a title names."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.imports import sources
from tests.helpers.paths import REPOSITORY
from tests.helpers.waiting import pump

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from desktop_app.ui.window import MainWindow
    from tests.helpers.fake_services import FakeServices

HOSTILE = '<img src="file:///etc/hostname"> & <b>bold</b>'


def opened_by(html: str) -> list[str]:
    """What Qt would open to show this."""
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QTextDocument

    class Document(QTextDocument):
        def loadResource(self, kind: int, name: QUrl | str) -> object:
            asked.append(QUrl(name).toString())
            return None

    asked: list[str] = []
    document = Document()
    document.setHtml(html)
    document.setTextWidth(400)
    document.size()
    return asked


def interpreted() -> Iterator[str]:
    """Every text of every widget that Qt would read as HTML: labels, and tool tips that are not escaped."""
    from PySide6.QtGui import Qt
    from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QTextEdit

    for widget in QApplication.allWidgets():
        name = f"{type(widget).__name__} {widget.objectName()}".strip()
        if isinstance(widget, QLabel) and widget.textFormat() != Qt.TextFormat.PlainText and widget.text():
            yield f"{name}: {widget.text()!r}"
        if isinstance(widget, QTextEdit) and "\ufffc" in widget.document().toPlainText():
            yield f"{name}: {widget.toPlainText()!r}"
        tips = [widget.toolTip(), *(action.toolTip() for action in widget.actions() if not action.isSeparator())]
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            model = widget.model()
            rows = (model.index(row, 0) for row in range(model.rowCount()))
            tips += [str(model.data(row, Qt.ItemDataRole.ToolTipRole) or "") for row in rows]
        for tip in tips:
            if Qt.mightBeRichText(tip) and (opened_by(tip) or "<b>" in tip):
                yield f"{name}: tip {tip!r}"


@pytest.fixture
def hostile(dressed: QApplication) -> FakeServices:
    """Everything that others may have named is named so."""
    from desktop_app.services.models.tasks import Task
    from model_store.errors import StoreError
    from model_store.jobs import JobState
    from tests.helpers.fake_services import FakeServices, stored
    from tests.helpers.fakes.conversation import answer, question
    from tests.helpers.fakes.engine import LLAVA
    from tests.helpers.fakes.models import CATALOGUE, installed, job

    fakes = FakeServices()
    shown = stored(fakes, HOSTILE, 40, 30, "#4A7FB5", "#E8B04A")
    fakes.conversations.current = fakes.add_conversation(HOSTILE, shown)
    fakes.draft.put(shown, "read", 1.0)
    fakes.engine.become("ready", LLAVA._replace(name=HOSTILE))
    named: dict[str, Any] = {
        "title": HOSTILE,
        "sentence": HOSTILE,
        "repository": HOSTILE,
        "licence": HOSTILE,
        "licence_url": HOSTILE,
    }
    fakes.models.known = replace(CATALOGUE, entries=tuple(replace(entry, **named) for entry in CATALOGUE.entries))
    fakes.models.here = [installed(HOSTILE, repository=HOSTILE, quantisation=HOSTILE, licence=HOSTILE)]
    error = StoreError("no-room", title=HOSTILE, needed=HOSTILE, free=HOSTILE)
    waiting = job(JobState.WAITING, error=error, retry_in=8.0)
    fakes.models.under_way = [replace(waiting, request=replace(waiting.request, title=HOSTILE))]
    fakes.model_tasks.task = Task("verify", HOSTILE, 1, 2)
    fakes.chat.show(question(HOSTILE, shown), answer(HOSTILE, details={"model": HOSTILE, "tokens_per_second": 2.0}))
    return fakes


def test_no_text_of_others_is_read_as_html(hostile: FakeServices, show_widget: Callable[[QWidget], QWidget]) -> None:
    from desktop_app.ui.models.add_dialogs import AddModelDialog
    from desktop_app.ui.models.confirm import cancel_question, licence_question, removal_question
    from desktop_app.ui.window import MainWindow
    from model_store.errors import StoreError

    window = MainWindow(hostile)
    window.resize(900, 600)
    show_widget(window)
    hostile.notices.error(StoreError("not-repairable", title=HOSTILE))
    window.dialogs.open_models()
    for made in (
        licence_question(hostile.models.known.entries[0], window),
        removal_question(hostile.models.here[0], window),
        cancel_question(hostile.models.under_way[0], window),
        adding := AddModelDialog(hostile.model_tasks, window),
    ):
        show_widget(made)
    adding.name.setText(HOSTILE)
    adding.look()
    hostile.model_tasks.answer(hostile.model_tasks.request, StoreError("pair-incomplete", repository=HOSTILE))
    pump(50)
    assert not list(interpreted())


def test_every_label_and_tip_of_every_state_is_plain(qapp: QApplication, home: object) -> None:
    from PySide6.QtWidgets import QApplication

    from desktop_app.ui.widgets.theme import theme
    from tests.screens import model_states, update_states  # noqa: F401 - they register their states
    from tests.screens.window_states import STATES, Stage

    theme.install(qapp, "light")
    theme.set_still(True)
    try:
        for name, show in STATES.items():
            stage = Stage()
            show(stage)
            assert not list(interpreted()), name
            for window in QApplication.topLevelWidgets():
                window.close()
                window.deleteLater()
            pump(0)
    finally:
        theme.set_still(None)
        theme.set_zoom(100)


def test_a_tip_of_others_is_shown_word_for_word(qapp: QApplication) -> None:
    from PySide6.QtGui import QTextDocumentFragment
    from PySide6.QtWidgets import QWidget

    from desktop_app.ui.widgets.plain_text import set_tip

    widget = QWidget()
    set_tip(widget, HOSTILE)
    assert opened_by(HOSTILE)
    assert not opened_by(widget.toolTip())
    assert QTextDocumentFragment.fromHtml(widget.toolTip()).toPlainText() == HOSTILE
    set_tip(widget, "Send (Ctrl+Enter)")
    assert widget.toolTip() == "Send (Ctrl+Enter)"  # screen readers read it too
    widget.deleteLater()


def test_tips_are_set_in_one_place() -> None:
    """A tip that is set otherwise would be guessed to be HTML as soon as a name in it looks like it."""
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in sources("desktop_app")
        if path.name != "plain_text.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("setToolTip", "setHtml", "setWhatsThis")
    ]
    assert not found


def test_a_title_of_a_megabyte_costs_nothing(
    services: FakeServices, show_widget: Callable[[QWidget], MainWindow]
) -> None:
    from desktop_app.ui.window import MainWindow

    services.conversations.current = services.add_conversation("W" * 1_000_000)
    services.engine.become("ready", None)
    began = time.monotonic()
    window = show_widget(MainWindow(services))
    pump(0)
    window.grab()
    assert time.monotonic() - began < 10
    assert window.windowTitle().endswith("…")


def test_signs_that_qt_would_read_are_shown(
    services: FakeServices, show_widget: Callable[[QWidget], MainWindow]
) -> None:
    """A window drops "[*]" from its title, a button "&" from its text."""
    from desktop_app.ui.window import MainWindow
    from tests.helpers.fakes.engine import LLAVA

    services.conversations.current = services.add_conversation("Shares [*] of Tom & Jerry")
    services.engine.become("ready", LLAVA._replace(name="Tom & Jerry 7B"))
    window = show_widget(MainWindow(services))
    handle = window.windowHandle()
    assert handle is not None
    assert handle.title().startswith("Shares [*] of Tom & Jerry")
    assert "Tom && Jerry 7B" in window.status.model.text()
    assert window.status.model.accessibleName().endswith("Tom & Jerry 7B · ready")
