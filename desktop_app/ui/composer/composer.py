"""The input card: the text field, the attached pictures, and the button that sends or stops."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontMetrics, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_app.errors import UserError
from desktop_app.services.once_a_turn import OnceATurn
from desktop_app.ui.composer.model_button import ModelButton
from desktop_app.ui.composer.think_switch import ThinkSwitch
from desktop_app.ui.files.picture_choice import choose_pictures
from desktop_app.ui.widgets.controls import IconButton, Label, push_button
from desktop_app.ui.widgets.fitting import lay_out_now
from desktop_app.ui.widgets.input_card import Card
from desktop_app.ui.widgets.long_text import MOST_LINES_WRITTEN, MOST_WRITTEN
from desktop_app.ui.widgets.message_edit import MessageEdit
from desktop_app.ui.widgets.theme import COLUMN, GRID, theme

if TYPE_CHECKING:  # imported with the first picture
    from desktop_app.ui.composer.detail_choice import DetailChoice
    from desktop_app.ui.composer.queued_questions import QueuedQuestions
    from desktop_app.ui.protocols.services import Services  # only for annotations
    from desktop_app.ui.widgets.thumbnails import ThumbnailStrip

_SIDE = 2 * GRID  # px the card reaches beyond the column, so that its words stand in it

_TOKENS_OF_WORDS = 64  # at least, around the pictures of a question
_ANY_NUMBER = 1 << 30

_SHORTEST_NAME = 15 * GRID  # px of the model's, beside a long hint
_ANY_WIDTH = (1 << 24) - 1  # px, Qt's largest

_INSET = 6  # px between a button's edge and its icon: words and icons begin at the same place


class Elastic(Protocol):
    """A part that can be lower than it wants to be; its height is fixed between its two heights, in px."""

    def wanted_height(self) -> int:
        """Return how high it is where there is room."""

    def least_height(self) -> int:
        """Return how low it can be."""

    def room(self) -> int:
        """Return the height that it takes now."""

    def set_room(self, height: int) -> None:
        """Take no more than this height."""


class Composer(QWidget):
    """Edits the draft and sends it. `picture_opened(sha256)`: an attached picture is to be shown large.

    `projector_wanted()`: there are pictures, and the model has nothing to see them with.
    `last_wanted()`: the last question is to be edited.
    """

    picture_opened = Signal(str)
    projector_wanted = Signal()
    last_wanted = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._chat = services.chat
        self._draft = services.draft
        self._draft_changed = OnceATurn(self._update, self)  # the draft is told of each picture of many
        self._engine = services.engine
        self.card = Card(self)
        self.editor = MessageEdit(self.card)
        self.editor.setAccessibleName(self.tr("Your question"))
        self.attach = IconButton("attach", self.tr("Attach pictures…"), self.card)
        self.send = IconButton("send", self.tr("Send"), self.card, "on_accent")
        self.send.setProperty("kind", "primary")
        self.queue_up = IconButton("send", self.tr("Send after this answer"), self.card)
        self.queue_up.hide()
        self.hint = Label("", "tiny", "muted", self, wrap=True)
        self.think = ThinkSwitch(services, self.card)
        self.model = ModelButton(services.engine, self.card)
        self._lay_out()
        self._connect(services)
        self._show_text(self._draft.text())
        self._update()

    def first_focus(self) -> QWidget:
        """Return where the keyboard comes to the composer."""
        return self.editor

    def focus_editor(self) -> None:
        """Give the text field the keyboard focus."""
        self.editor.setFocus()

    def insert_text(self, text: str) -> None:
        """Write `text` at the cursor."""
        self.editor.insert(text)
        self.focus_editor()

    # ---- height ----------------------------------------------------------------------------

    def widget(self) -> QWidget:
        """Return itself."""
        return self

    def heights(self, width: int) -> tuple[int, int]:
        """Return how high it wants to be in a width, and how low it can be: text, pictures and lists give way."""
        lay_out_now(self, self.card, *([self.queued] if "queued" in self.__dict__ else []))
        total = self.heightForWidth(width) if self.hasHeightForWidth() else self.sizeHint().height()
        elastic = self._elastic()
        rest = total - sum(part.room() for part in elastic)
        return rest + sum(part.wanted_height() for part in elastic), rest + sum(part.least_height() for part in elastic)

    def take(self, width: int, height: int) -> None:
        """Do with such a height: what is longer scrolls, pictures are smaller."""
        left = height - self.heights(width)[1]
        for part in self._elastic():
            more = max(0, min(left, part.wanted_height() - part.least_height()))
            part.set_room(part.least_height() + more)
            left -= more

    def _elastic(self) -> list[Elastic]:
        """Return what can be lower than it wants to be, first what gets room first."""
        parts: list[Elastic] = [self.editor]
        if "strip" in self.__dict__ and not self.strip.isHidden():
            parts.append(self.strip)
        if "queued" in self.__dict__ and not self.queued.isHidden():
            parts.append(self.queued)
        return parts

    # ---- building --------------------------------------------------------------------------

    def _lay_out(self) -> None:
        row = self._row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.attach)
        row.addWidget(self.hint, 1)
        row.addStretch()
        row.addWidget(self.think)
        row.addWidget(self.model)
        row.addWidget(self.queue_up)
        row.addWidget(self.send)
        words = self._words = QVBoxLayout()
        words.setContentsMargins(_INSET, 0, _INSET, 0)
        words.setSpacing(GRID)
        words.addWidget(self.editor)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(_SIDE - _INSET, _SIDE - 4, _SIDE - _INSET, GRID)
        column.setSpacing(GRID)
        column.addLayout(words)
        column.addLayout(row)
        self.card.setMaximumWidth(COLUMN + 2 * _SIDE)
        self._stack = QVBoxLayout()
        self._stack.setSpacing(0)
        self._stack.addWidget(self.card)
        around = QHBoxLayout(self)
        around.setContentsMargins(GRID, 0, GRID, 2 * GRID)
        around.addStretch(1)
        around.addLayout(self._stack, 1000)
        around.addStretch(1)

    @cached_property
    def strip(self) -> ThumbnailStrip:
        """Return the row of thumbnails. It is built with the first picture."""
        from desktop_app.ui.widgets.thumbnails import ThumbnailStrip

        strip = ThumbnailStrip(self._draft, self._services.previews, self.card)
        strip.picture_opened.connect(self.picture_opened)
        strip.left.connect(self.focus_editor)
        self._words.insertWidget(0, strip)
        return strip

    @cached_property
    def picture_detail(self) -> DetailChoice:
        """Return the choice of picture detail. It is built with the first picture."""
        from desktop_app.ui.composer.detail_choice import DetailChoice

        picture_detail = DetailChoice(self._services.picture_detail, self.card)
        self._words.insertWidget(self._words.indexOf(self.strip) + 1, picture_detail)
        return picture_detail

    @cached_property
    def queued(self) -> QueuedQuestions:
        """Return the list of questions that wait above the card. It is built with the first one."""
        from desktop_app.ui.composer.queued_questions import QueuedQuestions

        queued = QueuedQuestions(self._services, self)
        queued.setMaximumWidth(self.card.maximumWidth())
        queued.left.connect(self.focus_editor)
        self._stack.insertWidget(0, queued)
        return queued

    def _show_queued(self, _conversation: str) -> None:
        if self._services.queue.questions(self._services.conversations.current_id()):
            _built = self.queued  # it follows by itself from now on
        self._update()

    @cached_property
    def projector(self) -> QPushButton:
        """Return the button that lets a model see. It is built when one is without its projector."""
        button = push_button(self.tr("Add its projector…"), "link", self.card)
        button.clicked.connect(self.projector_wanted)
        self._row.insertWidget(self._row.indexOf(self.think), button)
        return button

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find the place for the hint."""
        super().resizeEvent(event)
        self._place_hint()

    def _place_hint(self) -> None:
        """Show the hint beside the buttons, the name of the model shortened for it, or above where it would be high."""
        shown: list[QWidget] = [self.attach, self.send]
        shown += [self.projector] if self._is_blind() else []
        shown += [] if self.queue_up.isHidden() else [self.queue_up]
        if not self.think.isHidden():
            taken = sum(button.sizeHint().width() + GRID for button in shown)
            self.think.fit(self.card.width() - 2 * _SIDE - taken - theme.px(_SHORTEST_NAME))
            shown.append(self.think)
        taken = sum(button.sizeHint().width() + GRID for button in shown)
        room = self.card.width() - 2 * _SIDE - 2 * GRID - taken
        words = QFontMetrics(theme.font("tiny")).horizontalAdvance(self.hint.text())
        name, shortest = self.model.sizeHint().width(), theme.px(_SHORTEST_NAME)
        is_long = words > 2 * (room - name)  # more than two lines
        is_beside = words < 2.8 * (room - shortest)  # three lines, which end before their right edge
        self.model.setMaximumWidth(max(shortest, room - int(words / 2.8)) if is_long and is_beside else _ANY_WIDTH)
        if is_beside != (self._words.indexOf(self.hint) < 0):
            if is_beside:
                self._row.insertWidget(1, self.hint, 1)
            else:
                self._words.addWidget(self.hint)

    def _connect(self, services: Services) -> None:
        self.editor.submitted.connect(self._submit)
        self.editor.cancelled.connect(self._cancel)
        self.editor.textChanged.connect(self._written)
        self.editor.files_pasted.connect(self._draft.add_urls)
        self.editor.picture_pasted.connect(self.add_picture)
        self.editor.too_long.connect(self.refuse_text)
        self.editor.up_in_empty.connect(self._want_last)
        self.editor.focus_changed.connect(self.card.set_active)
        self.attach.clicked.connect(self.choose_files)
        self.send.clicked.connect(self._press)
        self.queue_up.clicked.connect(self._submit)
        services.queue.changed.connect(self._show_queued)
        services.conversations.opened.connect(self._show_queued)
        draft = services.draft
        draft.text_changed.connect(self._show_text)
        for changed in (draft.added, draft.changed, draft.removed, draft.cleared):
            changed.connect(self._draft_changed)
        services.chat.busy_changed.connect(self._update)
        services.engine.state_changed.connect(self._update)
        services.engine.model_changed.connect(self._update)

    # ---- words -----------------------------------------------------------------------------

    def _show_text(self, text: str) -> None:
        if text != self.editor.toPlainText():
            self.editor.set_text(text)
            self.editor.document().clearUndoRedoStacks()

    def refuse_text(self, characters: int, lines: int) -> None:
        """Say that a text of so many characters and lines is too long for a question."""
        limits = {"limit": MOST_WRITTEN, "most_lines": MOST_LINES_WRITTEN}
        error = UserError("text-too-long", characters=characters, lines=lines, **limits)
        self._services.notices.error(error, owner="draft")

    def _written(self) -> None:
        self._draft.set_text(self.editor.toPlainText())
        self._update()

    # ---- pictures --------------------------------------------------------------------------

    def choose_files(self) -> None:
        """Let the person choose picture files."""
        paths = choose_pictures(self)
        if paths:
            self._draft.add_files(paths)
        self.focus_editor()

    def add_picture(self, data: bytes) -> None:
        """Attach a picture that was pasted."""
        self._draft.add_bytes(data, self.tr("Pasted picture"))

    # ---- sending ---------------------------------------------------------------------------

    def _can_send(self) -> bool:
        has_something = bool(self.editor.toPlainText().strip() or self._draft.pictures())
        fits = not self._is_blind() and len(self._draft.pictures()) <= self._most_pictures()
        return has_something and fits

    def _most_pictures(self) -> int:
        """Return how many pictures fit into the context at once, each seen as a whole, beside an answer."""
        info = self._engine.info()
        if info is None or not info.sees or info.any_size is not None:
            return _ANY_NUMBER
        answer = min(int(self._services.preferences.value("max_tokens")), info.n_ctx // 4)
        return max(1, (info.n_ctx - answer - _TOKENS_OF_WORDS) // info.image_tokens)

    def _is_blind(self) -> bool:
        """Return whether there are pictures, and the model cannot see them."""
        info = self._engine.info()
        return info is not None and not info.sees and bool(self._draft.pictures())

    def _press(self) -> None:
        if self._chat.is_busy():
            self._chat.stop()
        else:
            self._submit()
        self.focus_editor()

    def _submit(self) -> None:
        if not self._chat.is_waiting_for_pictures() and self._can_send():
            self._chat.send(self.editor.toPlainText())
        self.focus_editor()

    def _want_last(self) -> None:
        if not self._draft.pictures():
            self.last_wanted.emit()

    def _cancel(self) -> None:
        if self._chat.is_busy():
            self._chat.stop()

    # ---- what it says ----------------------------------------------------------------------

    def _update(self, _what: object = None) -> None:
        is_busy = self._chat.is_busy()
        if is_busy:
            self.send.set_icon("stop")
            self.send.set_name(self.tr("Stop"), QKeySequence("Esc"))
        else:
            self.send.set_icon("send")
            self.send.set_name(self.tr("Send"), QKeySequence("Return"))
        self.send.setEnabled(is_busy or self._can_send())
        self.queue_up.setVisible(is_busy and not self._chat.is_waiting_for_pictures() and self._can_send())
        self.hint.setText(self._hint())
        if self._is_blind() or "projector" in self.__dict__:
            self.projector.setVisible(self._is_blind())
        self._place_hint()
        pictures, info = self._draft.pictures(), self._engine.info()
        if pictures:
            if "strip" not in self.__dict__:
                _built = self.strip, self.picture_detail  # there from the first picture on
            text = self.tr("Ask about the picture, or send it to get a description")
            if self._is_blind():
                text = self.tr("Ask anything")
            elif len(pictures) > 1:
                text = self.tr("Ask about the pictures, or send them to get a description")
        elif info is not None and not info.sees:
            text = self.tr("Ask anything")
        else:
            text = self.tr("Ask anything, or drop a picture here")
        self.editor.set_placeholder(text)

    def _hint(self) -> str:
        state = self._engine.state()
        if self._chat.is_waiting_for_pictures():
            return self.tr("Your question is sent as soon as the picture has been read. Press Esc to cancel.")
        if state in ("starting", "loading"):
            return self.tr("The model is loading. You can already send; the answer follows when it is ready.")
        if state == "silent":
            return self.tr("What you send waits for the engine.")
        if state == "dead":
            return self.tr("What you send starts the engine again.")
        if state == "failed":
            return self.tr("No model is loaded. What you send tries to load it again.")
        if self._is_blind():
            if len(self._draft.pictures()) == 1:
                return self.tr(
                    "This model cannot see pictures. Take the picture out to send, add its projector, or choose "
                    "another model."
                )
            return self.tr(
                "This model cannot see pictures. Take the pictures out to send, add its projector, or choose another "
                "model."
            )
        if self._chat.is_busy() and self._can_send():
            return self.tr("Enter sends this after the answer. Esc stops it.")
        most = self._most_pictures()
        if len(self._draft.pictures()) > most:
            return self.tr(
                "These are too many pictures for one question: {most} fit into the context. Take some out, or choose a "
                "larger context in the settings."
            ).format(most=most)
        return ""
