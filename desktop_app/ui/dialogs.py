"""The dialogs of the window. Each is imported when it is wanted; models and settings are built once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from desktop_app.ui.notices import NoticeBar

if TYPE_CHECKING:  # what is not shown at the start is imported when it is needed
    from desktop_app.services.notices import Owner
    from desktop_app.ui.models.dialog import ModelsDialog
    from desktop_app.ui.protocols.services import Services
    from desktop_app.ui.settings.dialog import SettingsDialog
    from model_store.jobs import DownloadJob

_OF_MODELS: frozenset[Owner] = frozenset({"models", "engine"})


class Dialogs(QObject):
    """Opens models, settings, exports and backups above `window`; what notices say to open is registered with them."""

    def __init__(self, services: Services, notice_bar: NoticeBar, window: QWidget) -> None:
        """`notice_bar`: that of the window; what is said of models is shown in their dialog while that is open."""
        super().__init__(window)
        self._services = services
        self._notice_bar = notice_bar
        self._window = window
        self._settings: SettingsDialog | None = None
        self._models: ModelsDialog | None = None
        for code, slot in (
            ("choose-model", self.open_models),
            ("open-models", self.open_models),
            ("open-settings", self.open_settings),
            ("open-sources", self.open_sources),
            ("open-recovery", self.open_recovery),
            ("show-in-folder", self.show_in_folder),
        ):
            services.notices.register(code, slot)

    @Slot()
    def open_settings(self) -> None:
        """Open the settings."""
        services = self._services
        if self._settings is None:
            from desktop_app.ui.settings.dialog import SettingsDialog

            self._settings = SettingsDialog(
                services.preferences, services.engine, services.tuner, services.notices, self._window
            )
            self._settings.models_wanted.connect(self.open_models)
        _show(self._settings)

    @Slot()
    def open_models(self) -> None:
        """Open the model manager."""
        self._opened_models()

    @Slot()
    def open_sources(self) -> None:
        """Open the settings of downloads, above the model manager."""
        self._opened_models().show_sources()

    @Slot(object)
    def open_download(self, job: DownloadJob) -> None:
        """Open the model manager at a download."""
        self._opened_models().show_job(job)

    @Slot(list)
    def add_models(self, paths: list[str]) -> None:
        """Read model files that were dropped; the model manager asks what to do with them."""
        self._opened_models().plan(paths)

    @Slot()
    def open_recovery(self) -> None:
        """Show the deleted conversations and the backups."""
        from desktop_app.ui.recovery import RecoveryDialog

        RecoveryDialog(self._services.recovery, self._window).open()

    @Slot()
    def export_current(self) -> None:
        """Write the open conversation to a file."""
        if self._services.chat.messages():
            self.export(self._services.conversations.current_id())

    @Slot(str)
    def export(self, conversation_id: str) -> None:
        """Write a conversation to a file."""
        from desktop_app.ui.conversation_dialogs import export_conversation

        title = self._services.conversations.title(conversation_id)
        export_conversation(self._window, self._services.exports, conversation_id, title)

    @Slot()
    def import_conversation(self) -> None:
        """Add a conversation that was exported."""
        from desktop_app.ui.conversation_dialogs import import_conversation

        import_conversation(self._window, self._services.exports)

    @Slot(str)
    def show_in_folder(self, file: str) -> None:
        """Open the folder of a file that was written."""
        from desktop_app.ui.files.web_page import open_folder_of

        open_folder_of(file, self._window)

    def close(self) -> None:
        """Close those that may stand open beside the window."""
        for dialog in (self._settings, self._models):
            if dialog is not None:
                dialog.close()

    def _opened_models(self) -> ModelsDialog:
        services = self._services
        if self._models is None:
            from desktop_app.ui.models.dialog import ModelsDialog

            self._models = ModelsDialog(
                services.models, services.model_tasks, services.preferences, services.engine, self._window
            )
            self._models.place_notices(NoticeBar(services.notices, self._models, owners=_OF_MODELS))
            self._models.shown.connect(self._models_shown)
        _show(self._models)
        self._models.show_downloads()
        return self._models

    def _models_shown(self, shown: bool) -> None:
        """Let the model manager tell what it did while it is open, and the window what is left to tell afterwards."""
        self._notice_bar.leave_to_another(frozenset({"models"} if shown else ()))


def _show(dialog: QWidget) -> None:
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
