"""What the window does, without a widget: QtCore only."""
