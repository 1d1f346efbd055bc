"""Loads the model that the settings name, or the built-in one."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from desktop_app import paths
from desktop_app.engine.messages import EngineSettings
from desktop_app.services.engine import Engine
from desktop_app.services.notices import Notice, Notices
from desktop_app.services.preferences import Preferences

_SETTINGS_OF_A_LOAD = frozenset({"model", "mmproj", "n_ctx", "threads", "disk_cache_mb"})
_SETTLE_MS = 300  # several changes in a row are loaded once


class ChosenModel(QObject):
    """Loads at the start and after a change of the settings, but not while an answer is under way."""

    def __init__(
        self, engine: Engine, preferences: Preferences, notices: Notices, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._preferences = preferences
        self._notices = notices
        self._due = False  # a changed setting is not loaded yet
        self._waits: Notice | None = None  # says that a change waits for the end of an answer
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._load_when_free)
        preferences.changed.connect(self._preference_changed)
        engine.answering_changed.connect(self._answering_changed)
        notices.register("load-now", self.load)

    def load(self) -> None:
        """Load the model that the settings name, whatever the engine does."""
        self._due = False
        self._settle.stop()
        if self._waits is not None:
            self._notices.withdraw(self._waits.id)
            self._waits = None
        value = self._preferences.value
        model, mmproj = value("model"), value("mmproj")
        if not model:
            model, mmproj = (str(path) for path in paths.demo_model())
        settings = EngineSettings(
            n_ctx=value("n_ctx"),
            threads=value("threads"),
            cache_folder=str(paths.cache_folder()),
            cache_mb=value("disk_cache_mb"),
        )
        self._engine.load(model, mmproj or None, settings)

    def close(self) -> None:
        """Load nothing more: the program ends."""
        self._settle.stop()

    def _preference_changed(self, name: str) -> None:
        if name in _SETTINGS_OF_A_LOAD:
            self._due = True
            self._settle.start()

    def _answering_changed(self, answering: bool) -> None:
        if self._due and not answering:
            self.load()  # at once: the next question is to be asked with it

    def _load_when_free(self) -> None:
        if not self._engine.is_answering():
            self.load()
        elif self._waits is None:
            self._waits = Notice("load-waits", sticky=True, owner="engine")
            self._notices.post(self._waits)
