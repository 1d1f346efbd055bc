"""Fake preferences in memory, and a fake check for updates."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop_app.settings import SETTINGS
from tests.helpers.fakes import Call


class FakePreferences(QObject):
    changed = Signal(str)

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.values: dict[str, Any] = {name: setting.default for name, setting in SETTINGS.items()}
        self.values["theme"] = "light"

    def value(self, name: str) -> Any:
        return self.values[name]

    def set(self, name: str, value: Any) -> None:
        self.calls.append(("set", name, value))
        self.values[name] = value
        self.changed.emit(name)


class FakeUpdates:
    """Is asked, and says nothing of its own accord."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def check(self) -> None:
        self.calls.append(("check_for_updates",))

    def page(self) -> str:
        return "https://releases.test/tag/v0.2.0"
