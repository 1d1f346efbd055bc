"""Protocols of the services for the program as a whole: preferences and updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # only for an annotation
    from PySide6.QtCore import SignalInstance


class Preferences(Protocol):
    """See `desktop_app.services.preferences`."""

    changed: SignalInstance

    def value(self, name: str) -> Any: ...
    def set(self, name: str, value: Any) -> None: ...


class Updates(Protocol):
    """See `desktop_app.services.updates`."""

    def page(self) -> str: ...
    def check(self) -> None: ...
