"""Goes back to the last model that worked when the chosen one ends the engine, so that the next start works too."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QObject

from desktop_app.errors import UserError
from desktop_app.services.chosen_model import ChosenModel
from desktop_app.services.engine import Engine
from desktop_app.services.notices import Notices
from desktop_app.services.preferences import Preferences

_MOST_DEATHS = 2  # of a model that has worked before: it may have been something else, such as too little memory


class ModelFailures(QObject):
    """Counts deaths of the engine before the first answer: while a model is loaded, or at the first question.

    A model that has never answered is given up at once, one that has after two deaths, the built-in one never.
    """

    def __init__(
        self,
        engine: Engine,
        preferences: Preferences,
        chosen_model: ChosenModel,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._chosen_model = chosen_model
        self._notices = notices
        self._deaths: tuple[tuple[str, str], int] = (("", ""), 0)  # of which files, how many in a row
        engine.answered.connect(self._answered)
        engine.died_untried.connect(self._died)

    def _chosen(self) -> tuple[str, str]:
        return self._preferences.value("model"), self._preferences.value("mmproj")

    def _answered(self) -> None:
        self._deaths = (self._chosen(), 0)
        self._set("working_model", "working_mmproj", self._chosen())

    def _died(self) -> None:
        files = self._chosen()
        if not files[0]:
            return
        deaths = 1 + (self._deaths[1] if self._deaths[0] == files else 0)
        self._deaths = (files, deaths)
        working = self._preferences.value("working_model"), self._preferences.value("working_mmproj")
        if files == working:
            if deaths < _MOST_DEATHS:
                return
            working = ("", "")
        self._set("model", "mmproj", working)
        self._chosen_model.load()
        from model_store.titles import known_title  # the window does not wait for what reads manifests

        name, before = known_title(Path(files[0])), known_title(Path(working[0])) if working[0] else ""
        error = UserError("model-ends-engine-built-in", name=name)
        if before:
            error = UserError("model-ends-engine-back", name=name, before=before)
        self._notices.error(error, sticky=True, owner="engine")

    def _set(self, model: str, mmproj: str, files: tuple[str, str]) -> None:
        for name, value in zip((model, mmproj), files, strict=True):
            with suppress(UserError):  # it counts until the program ends; saving fails for every setting, which is said
                self._preferences.set(name, value)
