"""The menu in which another model is chosen: what is installed, what it sees, and whether it fits this computer."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from desktop_app.memory_fit import MemoryFit
from desktop_app.ui.models import phrases as words
from desktop_app.ui.protocols.engine import Engine
from desktop_app.ui.protocols.models import Models
from desktop_app.ui.sentences import built_in_name, marked
from desktop_app.ui.widgets.plain_text import button_text, shortened
from model_store.library.installed import InstalledModel, told_apart

_LONGEST = 40  # characters of a name
_SHORTEST = 8  # the same, where there is little room
_BESIDE = 12  # characters of room: for the mark, between the columns, and at both edges


class ModelMenu(QMenu):
    """Opens above a button; the one in use is marked. `more_wanted()`: open the model manager."""

    more_wanted = Signal()

    def __init__(self, models: Models, engine: Engine, parent: QWidget) -> None:
        super().__init__(parent)
        self._engine = engine
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._models, self._beside = models, parent
        self._group = QActionGroup(self)
        self._listed: list[InstalledModel | None] = []
        self._build()
        models.changed.connect(self._refresh)
        models.show_fits()

    def open_above(self, button: QWidget) -> None:
        """Open with its lower edge at the upper edge of `button`, and the keyboard at the model in use."""
        self._widen()
        corner = button.mapToGlobal(QPoint(button.width() - self.sizeHint().width(), -self.sizeHint().height()))
        self.popup(corner)
        checked = self._group.checkedAction()
        if checked is not None:
            self.setActiveAction(checked)

    def _widen(self) -> None:
        """Take room for both columns, the names shortened if the window is narrow.

        Qt measures the second column before the style enlarges its letters.
        """
        self.ensurePolished()
        metrics, actions = self.fontMetrics(), self._group.actions()
        names, says = zip(*(action.text().split("\t") for action in actions), strict=True)
        beside = _BESIDE * metrics.averageCharWidth()
        needed = beside + max(map(metrics.horizontalAdvance, says))
        room = max(self._beside.window().width() - needed, _SHORTEST * metrics.averageCharWidth())
        for action, name, said in zip(actions, names, says, strict=True):
            action.setText(f"{metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room)}\t{said}")
        needed += min(room, max(map(metrics.horizontalAdvance, names)))
        self.setMinimumWidth(min(needed, self._beside.window().width()))

    def _build(self) -> None:
        models = self._models
        self.clear()
        for action in self._group.actions():
            self._group.removeAction(action)
        self._listed = [None, *models.installed()]
        self._marks = told_apart(models.installed())
        for model in self._listed:
            action = self._add(self._text(model))
            action.setEnabled(model is None or not model.wrong_files)
            action.setChecked(self._models.is_chosen(model))
            action.triggered.connect(partial(self._choose, model))
        self._show_other_file()
        self.addSeparator()
        self.addAction(self.tr("Get more…")).triggered.connect(self.more_wanted)

    def _show_other_file(self) -> None:
        """Name a chosen model that is none of the installed ones."""
        if not any(self._models.is_chosen(model) for model in self._listed):
            info = self._engine.info()
            name = info.name if info is not None else self._engine.wanted_name()
            says = self.tr("not among the installed models")
            action = self.addAction(f"{button_text(shortened(name, _LONGEST))}\t{says}")
            action.setCheckable(True)
            action.setChecked(True)
            action.setEnabled(False)

    def _add(self, text: str) -> QAction:
        action = self.addAction(text)
        action.setCheckable(True)
        self._group.addAction(action)
        return action

    def _text(self, model: InstalledModel | None) -> str:
        if model is None:
            title, says = built_in_name(), [self.tr("sees simple drawings")]
        else:
            mark = self._marks[model.id]
            title = marked(shortened(model.title, max(_SHORTEST, _LONGEST - len(mark))), mark)
            says = [self.tr("sees pictures") if model.projector is not None else self.tr("text only")]
            fit = self._models.fit(model)
            if model.wrong_files:
                says = [self.tr("damaged or incomplete")]
            elif isinstance(fit, MemoryFit):
                says.append(words.fit_text(fit))
            elif fit is not None:
                says.append(self.tr("cannot be loaded"))
        return f"{button_text(title)}\t{' · '.join(says)}"  # what follows a tab stands at the right

    def _refresh(self) -> None:
        """Say what is known meanwhile; build the menu anew if there are other models."""
        if self._listed != [None, *self._models.installed()]:
            self._build()
            return
        for action, model in zip(self._group.actions(), self._listed, strict=True):
            action.setText(self._text(model))
        self._widen()

    def _choose(self, model: InstalledModel | None, _checked: bool = False) -> None:
        if self._models.is_chosen(model):
            self._engine.load_again()  # in case it is not loaded
        elif model is None:
            self._models.use_built_in()
        else:
            self._models.use(model)
