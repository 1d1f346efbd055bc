"""The window: QtWidgets only, no knowledge of the engine or the database."""

import desktop_app.immortals  # noqa: F401 - before anything imports PySide6
