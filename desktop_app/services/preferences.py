"""The settings as the window sees them: every change is saved and announced at once."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop_app.settings import Settings


class Preferences(QObject):
    """Values by name as declared in `desktop_app.settings`. `changed(name)` after each change."""

    changed = Signal(str)

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings

    def value(self, name: str) -> Any:
        """Return a value."""
        return self._settings.value(name)

    def set(self, name: str, value: Any) -> None:
        """Set and save a value; raises ValueError with a plain sentence when it is outside its limits.

        Raises UserError when it could not be saved; it counts all the same, until the program ends.
        """
        if self._settings.value(name) == value:
            return
        self._settings.set(name, value)
        try:
            self._settings.save()
        finally:
            self.changed.emit(name)
