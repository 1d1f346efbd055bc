"""Keeps the model that the settings name loaded, or the built-in one."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from desktop_app import paths
from desktop_app.engine.messages import EngineSettings, ModelInfo
from desktop_app.services.chat import Chat
from desktop_app.services.engine import Engine
from desktop_app.services.preferences import Preferences

_LOADED_WITH = frozenset({"model", "mmproj", "n_ctx", "threads", "disk_cache_mb"})


class ChosenModel(QObject):
    """Loads at the start and after a change of the settings; a conversation notes when the model changed."""

    def __init__(self, engine: Engine, preferences: Preferences, chat: Chat, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._preferences = preferences
        self._chat = chat
        self._name = ""
        # Settings that belong together are set one after the other, and then loaded once.
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self.load)
        preferences.changed.connect(self._preference_changed)
        engine.model_changed.connect(self._model_changed)

    def load(self) -> None:
        """Load the model that the settings name."""
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
        if name in _LOADED_WITH:
            self._settle.start()

    def _model_changed(self, info: ModelInfo | None) -> None:
        if info is None:
            return
        if self._name and info.name != self._name:
            self._chat.note("model-changed", name=info.name)
        self._name = info.name
