"""The sources of models: server, proxy and access token; and the folder where models are stored."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, QDir
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from desktop_app.errors import UserError
from desktop_app.settings import SETTINGS
from desktop_app.ui.files.chosen_folders import folder_for, remember
from desktop_app.ui.protocols.models import Models, ModelTasks
from desktop_app.ui.protocols.program import Preferences
from desktop_app.ui.sentences import error_text
from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.fitting import FittedDialog
from desktop_app.ui.widgets.setting_controls import NumberEdit, SettingRow
from desktop_app.ui.widgets.theme import GRID
from model_store.errors import StoreError


class SourcesDialog(FittedDialog):
    """Rarely needed settings of downloads; every change is applied at once."""

    def __init__(
        self, preferences: Preferences, models: Models, tasks: ModelTasks, parent: QWidget | None = None
    ) -> None:
        super().__init__(QCoreApplication.translate("SourcesDialog", "Sources"), 72 * GRID, parent)
        self._preferences = preferences
        self._models = models
        self._tasks = tasks
        self._is_open = True  # answers of the disk and the keyring may come when it is closed and gone
        self.column.setSpacing(2 * GRID + 4)
        self.folder = push_button(self.tr("Move the models…"), "plain", self)
        self.folder.clicked.connect(self._move)
        self.place = Label("", "small", "muted", self, wrap=True)
        meaning = self.tr("Where models are stored. If you choose another folder, all models are moved to it.")
        self.column.addWidget(SettingRow(self.tr("Folder"), meaning, self.folder, self))
        self.column.addWidget(self.place)
        self.address = self._line("hub_address", self.tr("Server"), "https://huggingface.co")
        self.proxy = self._line("proxy", self.tr("Proxy"), self.tr("Same as system"))
        title = self.tr("Connections")
        self.connections = NumberEdit(SETTINGS["connections"], title, 1, "", self)
        self.connections.set_value(preferences.value("connections"))
        self.connections.changed.connect(self._set_connections)
        self._row("connections", title, self.connections)
        self.token = QLineEdit(self)
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setAccessibleName(self.tr("Access token"))
        self.token.editingFinished.connect(self._set_token)
        self._token_row = SettingRow(
            self.tr("Access token"),
            self.tr("Only for models whose terms you must accept on their web page. It is sent only to this server."),
            self.token,
            self,
            below=True,
        )
        self.column.addWidget(self._token_row)
        self.says = Label("", "small", "muted", self, wrap=True)
        self.column.addWidget(self.says)
        self.column.addStretch(1)
        close = push_button(self.tr("Close"), "plain", self)
        close.clicked.connect(self.close)
        self.row.addWidget(close)
        preferences.changed.connect(self._show_folder)
        self._show_folder()
        self.first = self.address
        models.sources.load_token(self._show_token)

    def _row(self, name: str, title: str, control: QWidget, *, below: bool = False) -> None:
        meaning = QCoreApplication.translate("settings", SETTINGS[name].help)
        self.column.addWidget(SettingRow(title, meaning, control, self, below=below))

    def _line(self, name: str, title: str, placeholder: str) -> QLineEdit:
        field = QLineEdit(str(self._preferences.value(name)), self)
        field.setPlaceholderText(placeholder)
        field.setAccessibleName(title)
        field.editingFinished.connect(partial(self._set_line, name, field))
        self._row(name, title, field, below=True)
        return field

    def _set_line(self, name: str, field: QLineEdit) -> None:
        self._set(name, field.text().strip())
        self._models.sources.check(self._show_problem)

    def _set_connections(self, count: float) -> None:
        self._set("connections", round(count))

    def _set(self, name: str, value: object) -> None:
        try:
            self._preferences.set(name, value)
        except UserError as error:  # in effect until the program ends, but not saved
            self.says.setText(QCoreApplication.translate("errors", str(error)))

    def _set_token(self) -> None:
        if self.token.isModified():
            self.token.setModified(False)
            self._models.sources.set_token(self.token.text(), self._show_token)
            self.token.clear()

    def _show_problem(self, problem: StoreError | None) -> None:
        """Show at once what would make the next download fail."""
        if not self._is_open:
            return
        if problem is None:
            self._models.sources.load_token(self._show_token)
        else:
            self.says.setText(error_text(problem))

    def _show_token(self, known: bool, lasting: bool) -> None:
        if not self._is_open:
            return
        self.token.setPlaceholderText(self.tr("A token is saved. Type here to replace it.") if known else "")
        if lasting:
            self.says.setText(self.tr("The token is kept with the passwords of this system."))
        else:
            self.says.setText(
                self.tr("This system keeps no passwords, so the token is forgotten when Eyebright closes.")
            )

    def _show_folder(self, _name: str = "") -> None:
        self.place.setText(QDir.toNativeSeparators(str(self._models.folder())))

    def _move(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Move the models to"), folder_for("models"))
        if folder:
            remember("models", folder)
            self._tasks.move(folder)

    def done(self, result: int) -> None:
        """Await nothing more."""
        self._is_open = False
        super().done(result)
