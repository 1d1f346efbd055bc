"""The settings dialog: one page, every change is applied at once. `desktop_app.settings` declares the settings."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from desktop_app.engine.messages import ModelInfo
from desktop_app.errors import UserError
from desktop_app.services.notices import Notices
from desktop_app.settings import SETTINGS
from desktop_app.ui.protocols.engine import Engine, Tuner
from desktop_app.ui.protocols.program import Preferences
from desktop_app.ui.sentences import engine_words, model_name, number
from desktop_app.ui.settings.tuning_row import TuningRow
from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.dialog import Dialog
from desktop_app.ui.widgets.fitting import fitted
from desktop_app.ui.widgets.segmented_control import SegmentedControl
from desktop_app.ui.widgets.setting_controls import NumberEdit, SettingRow, Switch
from desktop_app.ui.widgets.theme import GRID, theme

_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repeat_penalty", "seed")
_PROMPT_SETTLE_MS = 600
_LONGEST_PROMPT = 20_000
_TEXT_SIZES = (90, 100, 125, 150, 200)  # percent, of those that the theme knows


class SettingsDialog(Dialog):
    """Shows and changes the settings; not modal. `models_wanted()`: open the model manager."""

    models_wanted = Signal()

    def __init__(
        self, preferences: Preferences, engine: Engine, tuner: Tuner, notices: Notices, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._tuner = tuner
        self._preferences = preferences
        self._engine = engine
        self._notices = notices
        self._controls: dict[str, Any] = {}
        self._rows: dict[str, SettingRow] = {}
        self.setWindowTitle(self.tr("Settings"))
        self.resize(fitted(self, QSize(theme.px(84 * GRID), theme.px(84 * GRID))))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        outer.addWidget(self._scroll)
        page = QWidget(self._scroll)
        self._scroll.setWidget(page)
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(4 * GRID, 3 * GRID, 4 * GRID, 4 * GRID)
        self._column.setSpacing(2 * GRID + 4)
        self._appearance()
        self._heading(self.tr("Model"))
        self._model()
        self._answers()
        self._fine()
        self._column.addStretch(1)
        preferences.changed.connect(self._changed)
        engine.model_changed.connect(self._show_model)
        engine.state_changed.connect(self._show_model)
        theme.changed.connect(self._show_text_size)
        for name in self._controls:
            self._changed(name)
        self._show_model()
        self._show_text_size()

    # ---- building --------------------------------------------------------------------------

    def _heading(self, text: str) -> Label:
        heading = Label(text, "title", parent=self)
        heading.setContentsMargins(0, GRID if self._column.count() else 0, 0, 0)
        self._column.addWidget(heading)
        return heading

    def _row(self, name: str, title: str, control: QWidget, *, below: bool = False) -> None:
        meaning = QCoreApplication.translate("settings", SETTINGS[name].help)
        self._rows[name] = row = SettingRow(title, meaning, control, self, below=below)
        self._column.addWidget(row)

    def _number(self, name: str, title: str, step: float, zero: str = "") -> None:
        control = NumberEdit(SETTINGS[name], title, step, zero, self)
        control.changed.connect(partial(self._set_number, name))
        self._controls[name] = control
        self._row(name, title, control)

    def _switch(self, name: str, title: str) -> Switch:
        switch = Switch(title, self)
        switch.changed.connect(partial(self._set, name))
        self._controls[name] = switch
        self._row(name, title, switch)
        return switch

    def _appearance(self) -> None:
        self._heading(self.tr("Appearance"))
        title = self.tr("Theme")
        names = {"system": self.tr("Same as system"), "light": self.tr("Light"), "dark": self.tr("Dark")}
        self.theme = SegmentedControl(title, names, self)
        self.theme.chosen.connect(partial(self._set, "theme"))
        self._controls["theme"] = self.theme
        self._row("theme", title, self.theme)
        title = self.tr("Typeface")
        self.typeface = SegmentedControl(title, {"inter": self.tr("Inter"), "system": self.tr("Same as system")}, self)
        self.typeface.chosen.connect(partial(self._set, "typeface"))
        self._controls["typeface"] = self.typeface
        self._row("typeface", title, self.typeface)
        title = self.tr("Text size")
        self.text_size = SegmentedControl(
            title, {str(step): self.tr("{percent}%").format(percent=step) for step in _TEXT_SIZES}, self
        )
        self.text_size.chosen.connect(self._set_text_size)
        self._column.addWidget(SettingRow(title, "", self.text_size, self))

    def _model(self) -> None:
        self.model_name = Label("", "body", parent=self, wrap=True)
        self._column.addWidget(self.model_name)
        self.choose_model = push_button(self.tr("Choose a model…"), "plain", self)
        self.choose_model.clicked.connect(self.models_wanted)
        self._column.addWidget(self.choose_model, 0, Qt.AlignmentFlag.AlignLeft)
        self._number("n_ctx", self.tr("Context (tokens)"), 512)
        self._number("threads", self.tr("Processor cores"), 1, self.tr("Automatic"))
        self.tuning = TuningRow(self._tuner, self._engine, self._preferences, self)
        self._column.addWidget(self.tuning)
        title = self.tr("Read pictures while you type")
        self.reading_ahead = self._switch("reading_ahead", title)
        title = self.tr("How closely to look")
        names = {"automatic": self.tr("Automatic"), "quick": self.tr("Quick"), "whole": self.tr("Whole")}
        self.picture_look = SegmentedControl(title, names, self)
        self.picture_look.chosen.connect(partial(self._set, "picture_look"))
        self._controls["picture_look"] = self.picture_look
        self._row("picture_look", title, self.picture_look)
        self._number("unload_after", self.tr("Unload when idle (minutes)"), 5, self.tr("Never"))
        self._number("disk_cache_mb", self.tr("Cache (MB)"), 256, self.tr("Off"))

    def _answers(self) -> None:
        self._heading(self.tr("Answers"))
        self._number("max_tokens", self.tr("Longest answer (tokens)"), 128)
        title = self.tr("Say when it guesses")
        names = {"off": self.tr("Off"), "quiet": self.tr("Quiet"), "full": self.tr("Full")}
        self.certainty = SegmentedControl(title, names, self)
        self.certainty.chosen.connect(partial(self._set, "certainty"))
        self._controls["certainty"] = self.certainty
        self._row("certainty", title, self.certainty)
        self.prompt = QPlainTextEdit(self)
        self.prompt.setProperty("kind", "field")
        self.prompt.setPlaceholderText(self.tr("The model's own instructions"))
        self.prompt.setAccessibleName(self.tr("System prompt"))
        self.prompt.setTabChangesFocus(True)
        self.prompt.setFixedHeight(theme.px(4 * 24))
        self.prompt.setAcceptDrops(False)
        self._prompt_timer = QTimer(self)
        self._prompt_timer.setSingleShot(True)
        self._prompt_timer.setInterval(_PROMPT_SETTLE_MS)
        self._prompt_timer.timeout.connect(self._save_prompt)
        self.prompt.textChanged.connect(self._prompt_timer.start)
        self._controls["system_prompt"] = self.prompt
        self._row("system_prompt", self.tr("System prompt"), self.prompt, below=True)

    def _fine(self) -> None:
        self._heading(self.tr("Choice of words"))
        self._number("temperature", self.tr("Temperature"), 0.1)
        self._number("top_p", self.tr("Top p"), 0.05)
        self._number("top_k", self.tr("Top k"), 5, self.tr("No limit"))
        self._number("min_p", self.tr("Min p"), 0.01)
        self._number("repeat_penalty", self.tr("Repeat penalty"), 0.05)
        self._number("seed", self.tr("Seed"), 1, self.tr("Random"))
        usual = push_button(self.tr("Restore the usual choice of words"), "plain", self)
        usual.clicked.connect(self._use_usual)
        self._column.addWidget(usual, 0, Qt.AlignmentFlag.AlignLeft)

    # ---- changing --------------------------------------------------------------------------

    def _set(self, name: str, value: object) -> None:
        try:
            self._preferences.set(name, value)
        except UserError as error:  # in effect until the program ends, but not saved
            self._notices.error(error)

    def _set_number(self, name: str, value: float) -> None:
        self._set(name, value if isinstance(SETTINGS[name].default, float) else round(value))

    def _set_text_size(self, percent: str) -> None:
        theme.set_zoom(int(percent))

    def _save_prompt(self) -> None:
        self._prompt_timer.stop()
        self._set("system_prompt", self.prompt.toPlainText()[:_LONGEST_PROMPT].strip())

    def _use_usual(self) -> None:
        for name in _SAMPLING:
            self._set(name, SETTINGS[name].default)

    # ---- showing ---------------------------------------------------------------------------

    def control(self, name: str) -> QWidget | None:
        """Return what shows and changes a setting; None: that setting is not in this dialog."""
        return self._controls.get(name)

    def _changed(self, name: str) -> None:
        value = self._preferences.value(name)
        control = self.control(name)
        if isinstance(control, NumberEdit | SegmentedControl):
            control.set_value(value)
        elif isinstance(control, Switch):
            control.setChecked(bool(value))
        elif isinstance(control, QPlainTextEdit) and control.toPlainText().strip() != value:
            control.setPlainText(value)
            self._prompt_timer.stop()

    def _show_model(self, _change: ModelInfo | str | None = None) -> None:
        info = self._engine.info()
        if info is None:
            text = engine_words(self._engine)
        else:
            text = self.tr("{model} is in use.").format(model=model_name(info))
        self.model_name.setText(text)
        self._rows["n_ctx"].say_now(self._context_now(info))
        self._rows["threads"].say_now(self._threads_now(info))
        cannot = self.tr("With the model in use it is not known whether it looked at the picture.")
        self._rows["certainty"].say_now(cannot if info is not None and not info.can_reread else "")

    def _context_now(self, info: ModelInfo | None) -> str:
        """Return which context the model really has: it may have been trained with less, or memory be short."""
        if info is None:
            return ""
        words = self.tr("In use now: {n_ctx} tokens.")
        if info.plan is not None and info.plan.reduced:
            words = self.tr("In use now: {n_ctx} tokens. More would not fit into memory.")
        return words.format(n_ctx=number(info.n_ctx))

    def _threads_now(self, info: ModelInfo | None) -> str:
        if info is None:
            return ""
        reading = info.reading_threads or info.threads
        words = self.tr("In use now: {reading} for reading, {writing} for writing.")
        if reading == info.threads:
            words = self.tr("In use now: {writing}.")
        return words.format(reading=reading, writing=info.threads)

    def _show_text_size(self) -> None:
        button = self.text_size.buttons.get(str(theme.zoom()))
        if button is not None:
            button.setChecked(True)

    def showEvent(self, event: QShowEvent) -> None:
        """Begin at the first setting each time."""
        self.first = next((button for button in self.theme.buttons.values() if button.isChecked()), None)
        super().showEvent(event)

    def done(self, result: int) -> None:
        """Save the system prompt if it was just edited."""
        if self._prompt_timer.isActive():
            self._save_prompt()
        super().done(result)
