"""Functions that bring the window into each state worth a screenshot, with fake services."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDragEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from desktop_app.chat.backups import Backup
from desktop_app.chat.conversation import DeletedConversation, State
from desktop_app.engine.messages import Look, Phase, Tuning
from desktop_app.errors import UserError
from desktop_app.look_choice import Wish
from desktop_app.services.conversation.picture_detail import DetailCost, DetailOptions, TokenOptions, WholeCost
from desktop_app.services.conversation.queue.questions import QueuedQuestion
from desktop_app.services.notices import Notice, Part, action
from desktop_app.ui.files.web_page import open_page
from desktop_app.ui.help.about import AboutDialog, ShortcutsDialog
from desktop_app.ui.help.report import ReportDialog, system_details
from desktop_app.ui.pictures.viewer import PictureViewer
from desktop_app.ui.recovery import RecoveryDialog
from desktop_app.ui.settings.dialog import SettingsDialog
from desktop_app.ui.widgets.controls import Popover
from desktop_app.ui.widgets.question import Question
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices, stored
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.waiting import pump, wait_until
from tests.screens.reference import REFERENCE

TITLES = (
    ("A lake in the evening", True, 0),
    ("What does the sign in front of the ministry say, and who put it there?", False, 0.1),
    ("", True, 1),
    ("Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen " * 6, True, 3),
    ("Two birds on a wire", True, 30),
    ("Receipt from the garden centre", False, 500),
)
ANSWER = """The picture shows a **lake in the evening**. In front of it stands a dark shore without trees.

1. The sky goes from blue to a warm yellow.
2. The sun is round, pale, and stands a little right of the middle.

```python
for circle in picture.circles:
    print(circle.colour)
```

There is nobody in the picture, and no boat on the water."""

THOUGHT = """The picture shows a lake with a low sun. Low light is there in the morning and in the evening.

The sky goes from blue to a warm yellow, and the shore is dark. That alone does not tell which it is. But the file is \
named "lake in the evening", and the person called it so before. So it is most likely the evening.
"""

States = dict[str, Callable[["Stage"], QWidget | None]]
STATES: States = {}


def state(shown: Callable[[Stage], QWidget | None]) -> Callable[[Stage], QWidget | None]:
    """Register a state under its function's name; it may return another widget than the window to be taken."""
    STATES[shown.__name__] = shown
    return shown


class Stage:
    """A fresh window on scripted services."""

    def __init__(self, width: int = 1120, height: int = 780) -> None:
        self.services = FakeServices()
        self.lake = stored(self.services, "lake in the evening.png", 1280, 853, "#4A7FB5", "#E8B04A")
        self.field = stored(self.services, "field.jpg", 900, 1200, "#2F5D50", "#D9E4C0")
        for title, with_picture, days in TITLES:
            self.services.add_conversation(title, self.lake if with_picture else None, days)
        self.window = MainWindow(self.services)
        self.window.resize(width, height)
        self.window.show()

    def open_first(self) -> None:
        """Make the first conversation the open one."""
        self.services.conversations.open(self.services.conversations.rows[0].id)

    def talk(self) -> None:
        """Fill the page with a conversation."""
        details = {"model": "llava-v1.5-7b-Q4_K_M", "tokens_per_second": 5.4, "time_to_first_token_s": 1.8}
        self.open_first()
        self.services.chat.show(
            question("What do you see in this picture?", self.lake),
            answer(ANSWER, details=details),
            question("Is anybody there?"),
            answer("No. Nobody is in the picture.", details=details),
        )
        self.services.answers.tell(self.services.conversations.current_id(), 5.4, 1840, 4096)


@state
def empty(stage: Stage) -> None:
    """Nothing yet."""


@state
def first_start(stage: Stage) -> None:
    """No conversation at all, the model still loading."""
    stage.services.conversations.rows.clear()
    stage.services.conversations.listed.emit()
    stage.services.engine.become("loading", None)


def _drag(stage: Stage, *urls: str) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl(url) for url in urls])
    event = QDragEnterEvent(
        QPoint(400, 300),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(stage.window, event)


@state
def dragging(stage: Stage) -> None:
    """Three pictures and one other file above the window."""
    stage.talk()
    _drag(stage, "file:///a.png", "file:///b.jpg", "file:///c.heic", "file:///notes.txt")


@state
def refusing(stage: Stage) -> None:
    """Something that is no picture above the window."""
    _drag(stage, "file:///report.pdf")


@state
def reading(stage: Stage) -> None:
    """Two pictures attached: one read, one being read."""
    stage.services.draft.put(stage.lake, "read", 1.0)
    stage.services.draft.put(stage.field, "reading", 0.6)
    stage.services.reading_ahead.context.emit(640, 4096)


@state
def looking(stage: Stage) -> None:
    """Asked; the engine looks."""
    stage.services.engine.become("ready", LLAVA)
    stage.open_first()
    stage.services.chat.show(question("What do you see in this picture?", stage.lake))
    stage.services.chat.begin_answer()
    stage.services.chat.enter(Phase.LOOKING, 0, 1, 3.2)


@state
def streaming(stage: Stage) -> None:
    """Half an answer."""
    stage.services.engine.become("ready", LLAVA)
    stage.talk()
    chat = stage.services.chat
    chat.add(question("Tell me more about the sky."))
    chat.begin_answer()
    chat.enter(Phase.WRITING)
    chat.stream("The sky goes from a **deep blue** at the top to a warm")


def _think(stage: Stage) -> None:
    stage.services.engine.become("ready", LLAVA._replace(name="Qwen3.5 2B", family="qwen3.5", can_think=True))
    stage.services.preferences.set("think_first", True)
    stage.talk()
    chat = stage.services.chat
    chat.add(question("Is it morning or evening there?"))
    chat.begin_answer()
    chat.enter(Phase.THINKING)


@state
def thinking(stage: Stage) -> None:
    """It thinks before it answers."""
    _think(stage)
    stage.services.answers.thinking.emit(stage.services.chat.messages()[-1].id, THOUGHT)


@state
def thinking_unfolded(stage: Stage) -> None:
    """What it thinks is shown meanwhile."""
    thinking(stage)
    pump(50)
    page = stage.window.transcript.page
    page.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(page, Qt.Key.Key_Return)


@state
def thought(stage: Stage) -> None:
    """It has thought, and the answer is being written."""
    _think(stage)
    chat = stage.services.chat
    details = {"thought": THOUGHT, "thought_s": 12.3}
    stage.services.answers.thought.emit(chat.messages()[-1].id, details)
    chat.enter(Phase.WRITING)
    chat.stream("It is evening. The sky is warm near the horizon, and the shore lies")


@state
def thought_unfolded(stage: Stage) -> None:
    """What it thought is shown."""
    stage.services.engine.become("ready", LLAVA._replace(name="Qwen3.5 2B", family="qwen3.5", can_think=True))
    stage.talk()
    chat = stage.services.chat
    chat.add(question("Is it morning or evening there?"))
    said = answer("It is **evening**: the sky is warm near the horizon, and the shore lies in the dark.")
    details = said.details | {"thought": THOUGHT, "thought_s": 12.3}
    chat.add(replace(said, details=details))
    pump(50)
    page = stage.window.transcript.page
    page.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(page, Qt.Key.Key_Return)


@state
def answered(stage: Stage) -> None:
    """A conversation."""
    stage.services.engine.become("ready", LLAVA)
    stage.talk()


def _talk_of_pictures(stage: Stage) -> None:
    stage.services.engine.become("ready", LLAVA)
    stage.open_first()
    street = stored(stage.services, "panorama of the old street.jpg", 4000, 500, "#8FA9BF", "#E9E3D6")
    stage.services.chat.show(
        question("What do you see in this picture?", stage.lake),
        answer(ANSWER),
        question("And here?", stage.field),
        answer("A field in early summer, with a single tree."),
        question("Which of them was taken in this street?", street),
        answer("None of them. The street has houses on both sides, and no water."),
    )
    pump(100)
    beside = stage.window.picture_beside
    if beside is not None and not beside.is_shown():
        beside.toggle()  # another state closed it, which is remembered
        pump(100)


@state
def beside(stage: Stage) -> None:
    """A panorama beside the conversation."""
    _talk_of_pictures(stage)


@state
def beside_earlier(stage: Stage) -> None:
    """Scrolled up to the first picture, which is zoomed."""
    _talk_of_pictures(stage)
    stage.window.transcript.page.rows.scroll_to_start()
    pump(100)
    shown = stage.window.picture_beside
    if shown is not None and shown.pane is not None and shown.is_shown():
        shown.pane.larger.click()
        shown.pane.larger.click()


@state
def beside_closed(stage: Stage) -> None:
    """The pane closed: the picture is small in the header."""
    _talk_of_pictures(stage)
    stage.window.menus.pane.trigger()
    pump(50)


@state
def stopped(stage: Stage) -> None:
    """An answer that can go on, in two versions."""
    stage.services.engine.become("ready", LLAVA)
    stage.talk()
    details = {"model": "llava-v1.5-7b-Q4_K_M", "tokens_per_second": 5.4}
    stage.services.chat.add(question("Tell me more about the sky."))
    half = "The sky goes from a **deep blue** at the top to a warm"
    stage.services.chat.add(answer(half, State.STOPPED, details=details, sibling=(1, 2)))


@state
def editing(stage: Stage) -> None:
    """A question that is edited: one picture was there, another is being checked."""
    stage.services.engine.become("ready", LLAVA)
    stage.talk()
    pump(0)
    page = stage.window.transcript.page
    page.keyboard.focus_message(0)
    page.keyboard.edit_wanted.emit(0)
    stage.services.edited_pictures.put(stage.field)
    stage.services.edited_pictures.put(None)


@state
def editing_dragging(stage: Stage) -> None:
    """Pictures over the window while a question is edited."""
    editing(stage)
    _drag(stage, "file:///a.png", "file:///b.jpg")


@state
def no_browser(stage: Stage) -> QWidget:
    """A page that no browser could be opened for."""
    with patch.object(QDesktopServices, "openUrl", return_value=False):
        open_page("https://github.com/someone/eyebright/releases/tag/v0.2.0", stage.window)
    (told,) = stage.window.findChildren(Question)
    return told


def _typeset(stage: Stage) -> None:
    stage.services.engine.become("ready", LLAVA)
    stage.open_first()
    stage.services.chat.show(question("Show me everything."), answer(REFERENCE))
    rows = stage.window.transcript.page.rows
    wait_until(lambda: not rows.row(1).document.parts.unfinished)
    rows.scroll_to_start()


@state
def typeset(stage: Stage) -> None:
    """An answer with everything that answers are set with: its beginning."""
    _typeset(stage)


@state
def typeset_code(stage: Stage) -> None:
    """Its middle: lists and code."""
    _typeset(stage)
    rows = stage.window.transcript.page.rows
    rows.scroll_by(rows.row(1).panels[0].rect.top() - 200)


@state
def typeset_table(stage: Stage) -> None:
    """Its end, with a wide table that was moved, and footnotes."""
    _typeset(stage)
    rows = stage.window.transcript.page.rows
    rows.row(1).strips[0].move_by(200)
    rows.scroll_to_end()


@state
def unseen(stage: Stage) -> None:
    """A conversation that is longer than the model's context."""
    stage.services.engine.become("ready", LLAVA)
    messages = [question("What is in this picture?", stage.field), answer("A **field** with a [tree](http://a.b).")]
    messages += [question("Which season is it?"), answer("It is spring, or early summer.")]
    messages += [question("And the weather?"), answer("Sunny, with a few clouds.")]
    stage.services.chat.show(*messages)
    stage.services.chat.dropped.set(messages, (0,))
    pump(50)
    stage.window.transcript.page.rows.scroll_by(-60)


@state
def failed(stage: Stage) -> None:
    """An answer that could not be given, one that was stopped."""
    stage.talk()
    error = {"code": "context-too-small", "parameters": {"needed": 5000, "available": 4096}}
    stage.services.chat.add(question("And this one?", stage.field))
    stage.services.chat.add(answer("", State.FAILED, details={"error": error}))


@state
def failed_blind(stage: Stage) -> None:
    """A picture in the conversation, and a model that cannot see it."""
    stage.talk()
    stage.services.engine.become("ready", LLAVA._replace(mmproj=None, image_tokens=0))
    error = {"code": "projector-needed", "parameters": {"model": LLAVA.name}}
    stage.services.chat.add(question("And what is behind it?"))
    stage.services.chat.add(answer("", State.FAILED, details={"error": error}))


@state
def error_notice(stage: Stage) -> None:
    """A refused picture."""
    stage.services.notices.error(UserError("not-a-picture", name="Quartalsbericht 2026 – endgültig (3).pdf"))


def _refuse(stage: Stage) -> None:
    stage.talk()
    names = ("Quartalsbericht 2026 – endgültig (3).pdf", "notes.txt", *(f"scan {number}.pdf" for number in range(1, 7)))
    parts = tuple(Part(name, UserError("not-a-picture", name=name)) for name in names)
    count = {"failed": len(parts), "count": 11}
    stage.services.notices.post(Notice("demo-photo", {"name": "field.jpg"}, sticky=True, owner="draft"))
    stage.services.notices.post(Notice("files-refused", count, "error", owner="draft", parts=parts))


@state
def refused_files(stage: Stage) -> None:
    """Several files of a drop were refused; another notice is behind this one."""
    _refuse(stage)


@state
def refused_list(stage: Stage) -> None:
    """The list of them."""
    _refuse(stage)
    stage.window.notices.buttons[-1].click()


@state
def dropped_many(stage: Stage) -> None:
    """Some files of a drop were pictures, eight were not, and those are listed."""
    stage.services.engine.become("ready", LLAVA)
    stage.services.draft.put(stage.lake, "read", 1.0)
    for _ in range(2):
        stage.services.draft.put(stage.field, "reading", 0.3)
    _refuse(stage)
    pump(100)
    stage.window.notices.buttons[-1].click()


@state
def undo_notice(stage: Stage) -> None:
    """A deleted conversation."""
    stage.services.conversations.delete(stage.services.conversations.rows[4].id)


@state
def demo_photo(stage: Stage) -> None:
    """A photograph for the demonstration model."""
    stage.services.draft.put(stage.field, "read", 1.0)
    stage.services.notices.post(Notice("demo-photo", {"name": "field.jpg"}, sticky=True))


@state
def engine_dead(stage: Stage) -> None:
    """The engine stopped in the middle of an answer."""
    stage.talk()
    chat = stage.services.chat
    chat.add(question("Tell me more about the sky."))
    chat.begin_answer()
    chat.stream("The sky goes from a deep blue")
    stage.services.engine.become("dead", None)
    chat.end_answer(State.INTERRUPTED)
    stage.services.notices.error(UserError("engine-died"), action("restart-engine"), sticky=True)


@state
def engine_silent(stage: Stage) -> None:
    """The engine does not answer, and a question waits."""
    stage.talk()
    chat = stage.services.chat
    chat.add(question("Tell me more about the sky."))
    chat.begin_answer()
    stage.services.engine.become("silent", LLAVA)
    stage.services.notices.error(UserError("engine-silent"), action("restart-engine"), sticky=True)


@state
def waiting_for_another(stage: Stage) -> None:
    """An answer in another conversation is finished first, and a new model could not be run."""
    stage.talk()
    chat = stage.services.chat
    chat.add(question("Tell me more about the sky."))
    chat.begin_answer()
    written = stage.services.conversations.rows[4].id
    stage.services.answers.waiting.add(stage.services.conversations.current_id())
    stage.services.answers.phase.emit(stage.services.conversations.current_id(), Phase.WAITING, {"behind": written})
    stage.services.activity.marks = {written: "writing", stage.services.conversations.current_id(): "waiting"}
    stage.services.activity.set_mark(stage.services.conversations.rows[1].id, "unseen")
    stage.services.activity.set_elsewhere(written)
    error = UserError("model-ends-engine-back", name="moondream2-q4.gguf", before="llava-v1.5-7b-Q4_K_M.gguf")
    stage.services.notices.error(error, action("choose-model"), sticky=True)


def _queue(stage: Stage) -> str:
    """Let questions wait behind an answer that is being written; return the conversation."""
    stage.talk()
    chat, current = stage.services.chat, stage.services.conversations.current_id()
    chat.add(question("Tell me more about the sky."))
    chat.begin_answer()
    chat.stream("The sky goes from a deep blue at the top to a warm yellow above the water")
    stage.services.activity.set_mark(current, "writing")
    stage.services.queue.add(current, QueuedQuestion("And what is in this one?", (stage.field, stage.lake)))
    stage.services.queue.add(current, QueuedQuestion("Which of the two was taken earlier in the day? " * 4))
    return current


@state
def queued(stage: Stage) -> None:
    """Two questions wait until the answer has ended, and a third is being written."""
    _queue(stage)
    stage.window.composer.editor.set_text("Are there birds?")


@state
def queue_held(stage: Stage) -> None:
    """The answer was stopped, and the questions behind it wait for a word."""
    current = _queue(stage)
    stage.services.chat.end_answer(State.STOPPED)
    stage.services.activity.set_mark(current, "waiting")
    stage.services.queue.hold(current, State.STOPPED)


@state
def searching(stage: Stage) -> None:
    """Words found in two conversations."""
    stage.talk()
    rows = stage.services.conversations.rows
    stage.services.conversations.hits = [
        replace(rows[0], snippet="… goes from blue to a warm yellow, and the sun stands …"),
        replace(rows[4], snippet="… the wire in front of a blue sky …"),
    ]
    stage.window.search()
    stage.window.sidebar.search.setText("blue")
    pump(250)


@state
def nothing_found(stage: Stage) -> None:
    """Words that nobody wrote."""
    stage.window.search()
    stage.window.sidebar.search.setText("Schnabeltier")
    pump(250)


@state
def renaming(stage: Stage) -> None:
    """A title being changed."""
    stage.talk()
    stage.window.rename_current()


@state
def settings(stage: Stage) -> QWidget | None:
    """The settings from their top."""
    stage.window.dialogs.open_settings()
    return stage.window.findChild(SettingsDialog)


@state
def settings_of_looking(stage: Stage) -> QWidget | None:
    """The setting how closely to look."""
    stage.window.dialogs.open_settings()
    pump(50)
    dialog = stage.window.findChild(SettingsDialog)
    assert dialog is not None
    [area] = [area for area in dialog.findChildren(QScrollArea) if area.isAncestorOf(dialog.picture_look)]
    area.ensureWidgetVisible(dialog.picture_look, 0, 200)
    return dialog


@state
def finding_fastest(stage: Stage) -> None:
    """The computer's speed is being measured; the model has a long name."""
    stage.open_first()
    stage.talk()
    long = LLAVA._replace(name="llava-v1.6-mistral-7b-hf-finetuned-receipts.Q4_K_M", tunable=True)
    stage.services.engine.become("ready", long)
    stage.services.tuner.become(left=38)


@state
def settings_measured(stage: Stage) -> QWidget | None:
    """The settings with what was measured."""
    stage.services.engine.become("ready", LLAVA._replace(tunable=True))
    stage.services.tuner.become(
        found=Tuning(4, 3, 256, flash_attention=True, reading=33.4, writing=6.92, measured="2026-11-24")
    )
    stage.window.dialogs.open_settings()
    pump(50)
    return stage.window.findChild(SettingsDialog)


@state
def recovery(stage: Stage) -> QWidget | None:
    """What was deleted, and backups."""
    now = time.time()
    rows = stage.services.conversations.rows
    stage.services.recovery.rows = [DeletedConversation(row, now - 86400) for row in rows[:3]]
    stage.services.recovery.copies = [Backup(Path("/backups/one"), now - day * 86400, 1 << 20) for day in range(3)]
    stage.window.dialogs.open_recovery()
    return stage.window.findChild(RecoveryDialog)


@state
def viewer(stage: Stage) -> QWidget | None:
    """A picture large."""
    stage.services.draft.put(stage.lake, "read", 1.0)
    stage.services.draft.put(stage.field, "read", 1.0)
    stage.window.open_picture(stage.lake.sha256)
    return stage.window.findChild(PictureViewer)


@state
def explained(stage: Stage) -> QWidget | None:
    """The card above the model's name."""
    stage.window.status.model.click()
    pump(50)
    return next(card for card in QApplication.topLevelWidgets() if isinstance(card, Popover))


@state
def report(stage: Stage) -> QWidget:
    """A fault of ours."""
    trace = (
        'Traceback (most recent call last):\n  File "window.py", line 1, in paint\nZeroDivisionError: division by zero'
    )
    sentence = (
        "This is an error in Eyebright; you did nothing wrong. Your conversations are saved, and you can continue."
    )
    return ReportDialog("Something went wrong", sentence, f"{system_details('Tiny')}\n\n{trace}", stage.window)


@state
def about(stage: Stage) -> QWidget:
    """Name and promise."""
    return AboutDialog(stage.window)


@state
def shortcuts(stage: Stage) -> QWidget:
    """All keys."""
    return ShortcutsDialog(stage.window.menus.actions, stage.window)


@state
def long_model_name(stage: Stage) -> None:
    """A model whose file name does not end."""
    name = "llava-v1.6-mistral-7b-instruct-vision-finetuned-very-long-community-name.Q4_K_M-imatrix"
    stage.services.engine.become("ready", LLAVA._replace(name=name))
    stage.services.answers.tell(stage.services.conversations.current_id(), 5.4, 3900, 4096)


@state
def looking_in_parts(stage: Stage) -> None:
    """A model that sees pictures in parts, and what that costs."""
    stage.services.engine.become("ready", LLAVA)
    stage.services.draft.put(stage.lake, "reading", 0.4)
    whole, quick = DetailCost(5, 2880, 94.0), DetailCost(1, 577, 21.0)
    stage.services.picture_detail.show(DetailOptions(whole, quick, Wish.WHOLE, fitting=3, wished=5))


@state
def looking_quickly(stage: Stage) -> None:
    """A model that can read a part of a picture, and what that costs."""
    stage.services.engine.become("ready", LLAVA)
    stage.services.draft.put(stage.lake, "reading", 0.4)
    whole, quick = DetailCost(1, 576, 21.0), DetailCost(1, 192, 8.2)
    stage.services.picture_detail.show(DetailOptions(whole, quick, Wish.AUTOMATIC, Look.QUICK, in_parts=False))


@state
def choosing_tokens(stage: Stage) -> None:
    """A model that lets one choose how many tokens a picture takes, and what that costs."""
    stage.services.engine.become("ready", LLAVA)
    stage.services.draft.put(stage.lake, "reading", 0.4)
    seconds = {70: 5.0, 140: 10.0, 280: 22.0, 560: 55.0, 1120: 160.0}
    costs = {choice: WholeCost(1, choice * 15 // 16, cost) for choice, cost in seconds.items()}
    stage.services.picture_detail.show(None, costs[280], TokenOptions(costs, 280, 280))


@state
def picture_in_one_piece(stage: Stage) -> None:
    """A model that sees a picture in one piece of any size, and what it costs."""
    stage.services.engine.become("ready", LLAVA)
    stage.services.draft.put(stage.lake, "reading", 0.4)
    stage.services.picture_detail.show(None, WholeCost(1, 1271, 38.0))
