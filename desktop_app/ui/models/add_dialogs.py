"""Dialogs that add models outside the catalogue: from a repository, from files, from other programs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from desktop_app.services.models.tasks import Found, ImportPlans, LookedUp, MemoryFit
from desktop_app.ui.models import phrases as words
from desktop_app.ui.models.card import ModelCard
from desktop_app.ui.models.parts import FitRow
from desktop_app.ui.protocols.models import ModelTasks
from desktop_app.ui.sentences import data_size, error_text, translate
from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.dialog import Dialog, tab_after
from desktop_app.ui.widgets.fitting import fitted
from desktop_app.ui.widgets.question import Question
from desktop_app.ui.widgets.theme import GRID, theme
from model_store.errors import StoreError


class ModelListDialog(Dialog):
    """A dialog with a list of models that is filled when the results arrive."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(fitted(self, QSize(theme.px(78 * GRID), theme.px(66 * GRID))))
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
        self.column.setSpacing(2 * GRID - 4)
        self.says = Label("", "small", "muted", self, wrap=True)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.cards: list[ModelCard] = []

    def place_list(self) -> None:
        """Add the list at the end."""
        self.column.addWidget(self.says)
        self.column.addWidget(self._scroll, 1)
        close = push_button(self.tr("Close"), "plain", self)
        close.clicked.connect(self.close)
        self._above: QWidget = close.previousInFocusChain() or self
        self.column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        close.setFocus()

    def begin(self) -> QWidget:
        """Empty the list; return the page on which the new cards are made."""
        self.cards = []
        return QWidget(self._scroll)

    def finish(self, page: QWidget, cards: list[ModelCard]) -> None:
        """Show the new cards."""
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, GRID, 0)
        column.setSpacing(GRID)
        for card in cards:
            column.addWidget(card)
        column.addStretch(1)
        self.cards = cards
        self._scroll.setWidget(page)
        tab_after(self._above, page)


class AddModelDialog(ModelListDialog):
    """Looks up a repository by name, or searches by words. `fetch_wanted(ModelEntry, Variant)`."""

    fetch_wanted = Signal(object, object)

    def __init__(self, tasks: ModelTasks, parent: QWidget) -> None:
        super().__init__(translate("Models", "Add from Hugging Face"), parent)
        self._tasks = tasks
        self._request = 0  # whose answer is awaited; others belong to words that were asked for before, or elsewhere
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.name = QLineEdit(self)
        self.name.setPlaceholderText(self.tr("owner/name, or words to search for"))
        self.name.setAccessibleName(self.tr("Repository"))
        self.name.returnPressed.connect(self.look)
        row.addWidget(self.name, 1)
        self.button = push_button(self.tr("Look up"), "primary", self)
        self.button.clicked.connect(self.look)
        row.addWidget(self.button)
        self.column.addLayout(row)
        self.place_list()
        self.says.setText(
            self.tr(
                "Only this name is sent to the server. A few megabytes are downloaded to check whether a model runs "
                "on this computer."
            )
        )
        self.name.setFocus()
        tasks.looked_up.connect(self._looked_up)
        tasks.searched.connect(self._searched)
        tasks.hub_failed.connect(self._failed)

    def look(self) -> None:
        """Look up the repository, or search for the words, in the text field."""
        wanted = self.name.text().strip()
        if not wanted:
            return
        self.says.setText(self.tr("Searching…"))
        self.finish(self.begin(), [])  # what was found for other words is no answer to these
        self.button.setEnabled(False)
        self._request = self._tasks.look_up(wanted) if "/" in wanted else self._tasks.search(wanted)

    def _looked_up(self, request: int, found: LookedUp) -> None:
        if request != self._request:
            return
        self.button.setEnabled(True)
        entry = found.candidate.entry
        self.says.setText(_licence_of(entry.licence))
        page = self.begin()
        cards: list[ModelCard] = []
        for variant, fit in zip(entry.variants, found.fits, strict=True):
            card = ModelCard(variant.name, page)
            if isinstance(fit, MemoryFit):
                card.head.addWidget(FitRow(fit, card))
                card.say(words.fit_reason(fit))
            else:
                card.say(error_text(fit), danger=True)
            size = words.size_in_files(variant.size, len(variant.model_files))
            card.say(self.tr("{size} with {projector}").format(size=size, projector=variant.projector.name))
            fetch = card.button(self.tr("Download"))
            fetch.setEnabled(isinstance(fit, MemoryFit))
            fetch.clicked.connect(partial(self.fetch_wanted.emit, entry, variant))
            cards.append(card)
        self.finish(page, cards)

    def _searched(self, request: int, found: tuple[str, ...]) -> None:
        if request != self._request:
            return
        self.button.setEnabled(True)
        self.says.setText(
            self.tr("Matching repositories:") if found else self.tr("No repositories were found. Try other words.")
        )
        page = self.begin()
        cards = []
        for name in found:
            card = ModelCard(name, page)
            card.button(self.tr("Look up")).clicked.connect(partial(self._choose, name))
            cards.append(card)
        self.finish(page, cards)

    def _choose(self, name: str, _checked: bool = False) -> None:
        self.name.setText(name)
        self.look()

    def _failed(self, request: int, error: StoreError) -> None:
        if request != self._request:
            return
        self.button.setEnabled(True)
        self.says.setText(error_text(error))


class OtherFoldersDialog(ModelListDialog):
    """Lists models that other programs have downloaded."""

    def __init__(self, tasks: ModelTasks, parent: QWidget) -> None:
        super().__init__(translate("Models", "Models of other programs"), parent)
        self._tasks = tasks
        self.place_list()
        self.says.setText(self.tr("Searching the folders of Ollama, LM Studio, Jan, GPT4All and others…"))
        tasks.found.connect(self._found)
        self._request = tasks.look_elsewhere()

    def _found(self, request: int, found: list[Found]) -> None:
        if request != self._request:
            return
        self.says.setText(
            self.tr("Models stay where they are and are not changed. Each one is checked once before you can use it.")
            if found
            else self.tr("No models of other programs were found on this computer.")
        )
        page = self.begin()
        self.finish(page, [self._card(one, page) for one in found])

    def _card(self, found: Found, page: QWidget) -> ModelCard:
        card = ModelCard(found.title, page)
        facts = [found.program, data_size(found.size), found.quantisation, found.licence]
        card.say(" · ".join(fact for fact in facts if fact))
        if not found.sees:
            card.say(words.blind())
        if found.extract:
            card.say(self.tr("It is stored inside another program's file, so it must be copied."))
        use = card.button(self.tr("Check and use"))
        use.clicked.connect(partial(self._take, found, use))
        return card

    def _take(self, found: Found, button: QWidget, _checked: bool = False) -> None:
        button.setEnabled(False)
        self._tasks.import_found(found)


def import_question(plans: ImportPlans, folder: Path, parent: QWidget) -> Question:
    """Return the question whether to copy the models in the files or use them in place; or why there are none.

    `folder`: where a copy goes.
    """
    refused = "\n".join(error_text(error) for error in plans.refused)
    if not plans.plans:
        question = Question(translate("Models", "Nothing to add"), refused, translate("Models", "Close"), "", parent)
        question.no.hide()
        return question
    one = len(plans.plans) == 1
    parts = ["\n".join(words.planned(plan) for plan in plans.plans)]
    if not all(plan.sees for plan in plans.plans):
        parts.append(words.projector_helps())
    parts.append(words.copy_or_use(folder, one=one))
    return Question(
        translate("Models", "Add this model?") if one else translate("Models", "Add these models?"),
        "\n\n".join([*parts, refused] if refused else parts),
        translate("Models", "Copy"),
        translate("Models", "Cancel"),
        parent,
        other=translate("Models", "Use it where it is") if one else translate("Models", "Use where they are"),
    )


def confirm_import(plans: ImportPlans, folder: Path, tasks: ModelTasks, parent: QWidget) -> None:
    """Ask how to add the models, and do it. `folder`: where a copy goes."""
    answer = import_question(plans, folder, parent).exec()
    if answer and plans.plans:
        tasks.install(plans, in_place=answer == Question.OTHER)


def _licence_of(licence: str) -> str:
    return (
        translate("Models", "Licence: {licence}").format(licence=licence)
        if licence
        else translate("Models", "No licence is given.")
    )
