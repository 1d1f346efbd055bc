"""What the buttons of notices and of failed answers do, as far as the window does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

if TYPE_CHECKING:  # only for annotations
    from desktop_app.ui.window import MainWindow


class Remedies(QObject):
    """Registers the actions of `desktop_app.services.notices` that open a dialog, or change the open conversation."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._services = window.services
        register = self._services.notices.register
        for code in ("choose-model", "open-models"):
            register(code, window.open_models)
        register("show-in-folder", window.show_in_folder)
        register("open-recovery", window.open_recovery)
        register("open-settings", window.open_settings)
        register("open-sources", window.open_sources)
        register("choose-picture", window.choose_files)
        register("add-projector", self.add_projector)
        register("use-text-only", self.use_text_only)
        register("edit-question", self.edit_question)
        register("ask-again", self._services.chat.regenerate)

    @Slot()
    def add_projector(self, model_id: str = "") -> None:
        """Let the person choose the projector of an installed model, "": of the model in use."""
        from desktop_app.ui.models.projector_choice import choose_projector

        models, tasks = self._services.models, self._services.model_tasks
        wanted = (model for model in models.installed() if model.id == model_id)
        model = next(wanted, None) if model_id else models.in_use()
        if model is not None and model.projector is None:
            file = choose_projector(model.title, model.model, self._window)
            if file:
                tasks.add_projector(model, file)
        elif not model_id:  # a file outside the library, or a projector that does not belong to its model
            info = self._services.engine.info()
            chosen = self._services.preferences.value("model")
            file = choose_projector(info.name if info is not None else "", chosen, self._window)
            if file:
                tasks.use_projector(chosen, file)

    def use_text_only(self) -> None:
        """Load the chosen model without its projector."""
        self._window.prefer("mmproj", "")

    def edit_question(self, message_id: str) -> None:
        """Take a question back into the composer, with its pictures: there both can be changed."""
        self._services.chat.take_back(message_id)
        self._window.composer.focus_editor()
