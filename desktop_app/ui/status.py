"""The status line: model and state, memory, speed and context. A click explains each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_app.engine.messages import ModelInfo, Phase
from desktop_app.services.notices import action
from desktop_app.ui.sentences import (
    data_size,
    engine_sentence,
    engine_state,
    engine_words,
    error_text,
    marked,
    name_in_use,
    number,
    phase_text,
)
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import push_button
from desktop_app.ui.widgets.plain_text import elided_before, set_tip
from desktop_app.ui.widgets.status_button import ElasticStatusButton, StatusButton
from desktop_app.ui.widgets.theme import GRID, theme
from desktop_app.ui.written_elsewhere import WrittenElsewhere

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.models.download_line import DownloadLine
    from desktop_app.ui.protocols.models import Models
    from desktop_app.ui.protocols.services import Services

_MEMORY_EVERY_MS = 2000
_LONGEST_NAME = 260  # px
_ICON = 16  # px at 100 % text size, like all sizes here
_ALMOST_FULL = 0.85


class StatusLine(QWidget):
    """Shows the model, what the engine does, a download, and the engine's memory, speed and context.

    `choose_model()`: open the models. `download_opened(DownloadJob)`: show where that download is.
    """

    choose_model = Signal()
    download_opened = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = services.engine
        self._notices = services.notices
        self._models: Models | None = None
        self._tuner = services.tuner
        self._conversations = services.conversations
        self._answers = services.answers
        self.setObjectName("status")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._phase: tuple[Phase, dict[str, Any]] | None = None
        self._is_looking_closely = False  # at pictures of which a part was read, while nothing else is to be done
        self._used, self._size = 0, 0
        self._speed = 0.0
        self._downloads: DownloadLine | None = None
        self._build(services)
        self._memory_timer = QTimer(self)
        self._memory_timer.setInterval(_MEMORY_EVERY_MS)
        self._memory_timer.timeout.connect(self._show_edge)
        self._memory_timer.start()
        self._connect(services)
        self._show()

    def _connect(self, services: Services) -> None:
        services.engine.state_changed.connect(self._engine_changed)
        services.engine.model_changed.connect(self._model_changed)
        services.tuner.changed.connect(self._show_model)
        services.answers.phase.connect(self._phase_changed)
        services.answers.figures.connect(self._figures_changed)
        services.reading_ahead.looking_closely.connect(self._looking_closely)
        services.chat.reset.connect(self._show_figures)
        services.chat.reset.connect(self._forget_phase)
        for changed in (services.activity.changed, services.conversations.listed, services.conversations.opened):
            changed.connect(self._show_edge)  # `elsewhere` may say something else
        theme.changed.connect(self._show)

    def know(self, models: Models) -> None:
        """Tell models of one name apart from now on."""
        self._models = models
        models.changed.connect(self._show_model)
        self._show_model()

    def follow(self, downloads: DownloadLine) -> None:
        """Show the download that is under way from now on."""
        self._downloads = downloads
        downloads.changed.connect(self._show_download)
        self._show_download()

    def set_context(self, used: int, size: int) -> None:
        """Show how much of the context is in use, in tokens."""
        self._used, self._size = used, size
        self._show_edge()

    def _build(self, services: Services) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID // 2, 1, GRID // 2, 1)
        row.setSpacing(GRID // 2)
        self.model = StatusButton(self.tr("Model"), self)
        self.download = ElasticStatusButton(self.tr("Download"), self)
        self.download.hide()
        self.memory = StatusButton(self.tr("Memory"), self)
        self.speed = StatusButton(self.tr("Speed"), self)
        self.context = StatusButton(self.tr("Context"), self)
        self.not_now = StatusButton(self.tr("Measurement"), self)
        self.not_now.say(self.tr("Not now"))
        self.not_now.clicked.connect(self._tuner.postpone)
        self.elsewhere = WrittenElsewhere(services, self)
        set_tip(self.memory, self.tr("Memory that the model uses now"))
        set_tip(self.speed, self.tr("How fast the last answer was written"))
        set_tip(self.context, self.tr("How much of the model's context this conversation fills"))
        row.addWidget(self.model)
        row.addWidget(self.not_now)
        row.addWidget(self.elsewhere)
        row.addStretch(1)
        row.addWidget(self.download)
        for button in (self.memory, self.speed, self.context):
            row.addWidget(button)
        self.model.clicked.connect(self._explain_model)
        self.download.clicked.connect(self._open_download)
        self.memory.clicked.connect(self._explain_memory)
        self.speed.clicked.connect(self._explain_speed)
        self.context.clicked.connect(self._explain_context)

    # ---- what is shown ---------------------------------------------------------------------

    def _engine_changed(self, state: str) -> None:
        if state != "ready":
            self._phase = None
        self._show()

    def _model_changed(self, _info: ModelInfo | None) -> None:
        self._forget_context()
        self._show()

    def _phase_changed(self, conversation_id: str, phase: Phase | None, details: dict[str, Any]) -> None:
        if conversation_id == self._conversations.current_id():
            self._phase = None if phase is None else (phase, details)
            self._show_model()

    def _looking_closely(self, is_so: bool) -> None:
        self._is_looking_closely = is_so
        self._show_model()

    def _forget_phase(self) -> None:
        self._phase = None
        self._show_model()

    def _figures_changed(self, conversation_id: str) -> None:
        if conversation_id == self._conversations.current_id():
            self._show_figures()

    def _show_figures(self) -> None:
        """Show the figures of the open conversation."""
        self._speed, used, size = self._answers.figures_of(self._conversations.current_id())
        self.set_context(used, size)

    def _forget_context(self) -> None:
        self.set_context(0, 0)

    def _show(self) -> None:
        self._show_model()
        self._show_download()

    def _show_model(self) -> None:
        state = self._engine.state()
        measuring = self._tuner.is_measuring() and self._phase is None
        self.not_now.setVisible(measuring)
        name, mark = name_in_use(self._engine, self._models)
        name = marked(name or self.tr("Engine"), mark)
        if measuring:  # too much for a narrow window with the name before it
            left = self._tuner.seconds_left()
            words = self.tr("Finding the fastest settings for this computer, about {seconds} s").format(seconds=left)
        else:
            phase = self._phase if state != "silent" else None
            doing = phase_text(*phase) if phase is not None else engine_state(state)
            if phase is None and state == "ready" and self._is_looking_closely:
                doing = self.tr("Looking closely")
            metrics, room = QFontMetrics(theme.font("tiny")), theme.px(_LONGEST_NAME)
            shown = elided_before(name, len(marked("", mark)), room, metrics, Qt.TextElideMode.ElideMiddle)
            words = self.tr("{model} · {state}").format(model=shown, state=doing)
        self.model.setIconSize(icons.square(_ICON))
        self.model.say(words)
        set_tip(self.model, name)
        looking = self._is_looking_closely if self._phase is None else self._phase[0] is Phase.LOOKING
        if state in ("dead", "silent", "failed"):
            self.model.setIcon(icons.icon("warning", "danger", _ICON))
        else:
            self.model.setIcon(icons.icon("eye-looking" if looking else "eye", "text" if looking else "muted", _ICON))
        self._show_edge()

    def _show_download(self) -> None:
        downloads = self._downloads
        if downloads is None:
            return
        self.download.setVisible(downloads.job is not None)
        if downloads.has_failed():
            self.download.setIconSize(icons.square(_ICON))
            self.download.setIcon(icons.icon("warning", "danger", _ICON))
        else:
            self.download.show_bar(downloads.share(), downloads.role())
        self.download.say(downloads.text(), downloads.beginning())
        set_tip(self.download, downloads.tip())
        self._show_edge()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the room to what matters most."""
        super().resizeEvent(event)
        self._show_edge()

    def _open_download(self) -> None:
        if self._downloads is not None:
            self.download_opened.emit(self._downloads.job)

    def _show_edge(self, _what: object = None) -> None:
        """Show the figures: without words, or only that of the context, before something that matters more is cut."""
        for is_named, is_whole in ((True, True), (False, True), (False, False)):
            self._show_memory(is_named, is_whole)
            self._show_speed(is_whole)
            self._show_context(is_named)
            if self._needed() <= self.width():
                break

    def _needed(self) -> int:
        """Return the width in which nothing that matters is cut, in px."""
        buttons = (self.model, self.not_now, self.elsewhere, self.memory, self.speed, self.context)
        widths = [button.sizeHint().width() for button in buttons if not button.isHidden()]
        if not self.download.isHidden():
            widths.append(self.download.needed())
        return sum(widths) + (len(widths) + 2) * GRID // 2

    def _show_memory(self, is_named: bool, is_whole: bool) -> None:
        used = self._engine.memory_bytes() if self._engine.state() != "dead" else 0
        size = data_size(used) if used else ""
        self.memory.say(self.tr("{size} of memory").format(size=size) if is_named else size)
        self.memory.setVisible(used > 0 and is_whole)

    def _show_speed(self, is_whole: bool) -> None:
        self.speed.say(self.tr("{speed} tokens/s").format(speed=number(self._speed, 1)) if self._speed else "")
        self.speed.setVisible(self._speed > 0 and is_whole)

    def _show_context(self, is_named: bool) -> None:
        share = self._share()
        self.context.show_bar(share, "warning" if share >= _ALMOST_FULL else "muted")
        named, short = self.tr("Context {percent}% full"), self.tr("{percent}%")
        self.context.say((named if is_named else short).format(percent=number(share * 100)))
        self.context.setVisible(self._size > 0)

    def _share(self) -> float:
        return min(1.0, self._used / self._size) if self._size else 0.0

    # ---- what it means ---------------------------------------------------------------------

    def _explain_model(self) -> None:
        info, state = self._engine.info(), self._engine.state()
        if info is None:
            title = engine_sentence(state)
            text = self.tr("The engine is the part of Eyebright that runs the model. It is a separate process.")
            if state == "failed" and self._engine.problem() is not None:
                text = engine_words(self._engine)
        else:
            title = marked(*name_in_use(self._engine, self._models))
            text = self.tr("It runs on this computer. Nothing you write or show leaves it.")
            if info.is_demo:
                text = self.tr(
                    "The built-in demonstration model. It is tiny and understands simple shapes, colours and digits, "
                    "but not photographs. For photographs, choose a full LLaVA."
                )
            if "corrected" in {info.class_token, info.last_layer, info.activation}:
                text += "\n\n" + self.tr(
                    "Eyebright corrects a known fault in how llama.cpp sees pictures with this model."
                )
            if info.wording is not None:
                text += "\n\n" + error_text(info.wording)
        card = self.model.explain(title, text)
        if state in ("dead", "silent"):
            restart = push_button(self.tr("Restart the engine"), "primary", card)
            restart.clicked.connect(card.close)
            restart.clicked.connect(partial(self._notices.run, action("restart-engine")))  # and ask again
            card.column.addWidget(restart, 0, Qt.AlignmentFlag.AlignLeft)
        else:
            if state == "failed":
                again = push_button(self.tr("Try again"), "primary", card)
                again.clicked.connect(card.close)
                again.clicked.connect(self._engine.load_again)
                card.column.addWidget(again, 0, Qt.AlignmentFlag.AlignLeft)
            choose = push_button(self.tr("Choose a model…"), "plain", card)
            choose.clicked.connect(card.close)
            choose.clicked.connect(self.choose_model)
            card.column.addWidget(choose, 0, Qt.AlignmentFlag.AlignLeft)
        card.show_above(self.model)

    def _explain_memory(self) -> None:
        self.memory.explain(
            self.tr("Memory"),
            self.tr(
                "The memory that the engine uses now: for the model, for the conversation it has read, and for "
                "computing. The window itself is not counted."
            ),
        ).show_above(self.memory)

    def _explain_speed(self) -> None:
        self.speed.explain(
            self.tr("Tokens per second"),
            self.tr(
                "How fast the last answer in this conversation was written. A token is a piece of a word; four tokens "
                "are about three English words. Other busy programs slow this down a lot."
            ),
        ).show_above(self.speed)

    def _explain_context(self) -> None:
        info = self._engine.info()
        text = self.tr(
            "The model sees up to {size} tokens at once; {used} are in use. When the context is full, the model "
            "no longer sees the oldest questions. They stay in the window."
        ).format(size=number(self._size), used=number(self._used))
        if info is not None and info.sees:
            text += "\n\n" + self._picture_cost(info)
        self.context.explain(self.tr("Context"), text).show_above(self.context)

    def _picture_cost(self, info: ModelInfo) -> str:
        """Return how many tokens a picture takes, and whether one can look quickly with this model."""
        most, tiled = info.image_tokens, info.tiling is not None
        if info.tiling is not None:
            most = info.tiling.most_tokens
        elif info.any_size is not None:
            most = info.any_size.most
        if tiled or info.quick is not None:
            quick = info.image_tokens if info.quick is None else info.quick.rows(most, tiled=tiled)
            text = self.tr("A picture takes {most} tokens, or {count} with a quick look.")
            if tiled or info.any_size is not None:
                text = self.tr("A picture takes up to {most} tokens, or {count} with a quick look.")
            return text.format(most=number(most), count=number(quick))
        text = self.tr("A picture takes {count} tokens.")
        if info.any_size is not None:
            text = self.tr("A picture takes up to {count} tokens.")
        text = text.format(count=number(most))
        if info.any_size is not None and info.any_size.choices:
            return text
        return text + " " + self.tr("This model cannot look more quickly: it sees pictures whole.")
