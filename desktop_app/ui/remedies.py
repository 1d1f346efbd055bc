"""What some buttons of notices and of failed answers do: give a model its projector, ask again, change the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from desktop_app.errors import UserError

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.protocols.services import Services


class Remedies(QObject):
    """Registers these actions of `desktop_app.services.notices`.

    `taken_back()`: a question is in the composer again, to be changed there.
    """

    taken_back = Signal()

    def __init__(self, services: Services, parent: QWidget) -> None:
        super().__init__(parent)
        self._services = services
        self._widget = parent
        register = services.notices.register
        register("add-projector", self.add_projector)
        register("use-text-only", self._use_text_only)
        register("edit-question", self._take_back)
        register("ask-again", services.chat.regenerate)
        register("look-closely", services.chat.look_closely)
        register("cancel-question", self._cancel)

    @Slot()
    def add_projector(self, model_id: str = "") -> None:
        """Let the person choose the projector of an installed model, "": of the model in use."""
        from desktop_app.ui.models.projector_choice import choose_projector

        models, tasks = self._services.models, self._services.model_tasks
        wanted = (model for model in models.installed() if model.id == model_id)
        model = next(wanted, None) if model_id else models.in_use()
        if model is not None and model.projector is None:
            file = choose_projector(model.title, model.model, model.in_place, self._widget)
            if file:
                tasks.add_projector(model, file)
        elif not model_id:  # a file outside the library, or a projector that does not belong to its model
            info, chosen = self._services.engine.info(), self._services.preferences.value("model")
            file = choose_projector(info.name if info is not None else "", chosen, True, self._widget)
            if file:
                tasks.use_projector(chosen, file)

    def _use_text_only(self) -> None:
        try:
            self._services.preferences.set("mmproj", "")
        except UserError as error:  # in effect until the program ends, but not saved
            self._services.notices.error(error)

    def _cancel(self) -> None:
        self._services.chat.stop()  # which gives a question back that waits for its turn
        self.taken_back.emit()

    def _take_back(self, message_id: str) -> None:
        self._services.chat.take_back(message_id)
        self.taken_back.emit()
