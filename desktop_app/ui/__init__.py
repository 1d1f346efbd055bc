"""The window: QtWidgets only, no knowledge of the engine or the database."""
