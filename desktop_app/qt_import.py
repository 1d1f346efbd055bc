"""Imports Qt for Python, and leaves Python's own `import` as it was."""

from __future__ import annotations

import builtins


def import_qt() -> None:
    """Import PySide6, and take back the `import` that it puts in the place of Python's.

    PySide6's reads the source of every module that is imported from then on, to find out whether it asks for other
    names of Qt's functions (`from __feature__ import …`), as nothing here does. The window would wait for all of that.
    """
    import PySide6.QtCore  # noqa: F401

    builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)
