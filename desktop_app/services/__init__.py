"""What the window does, without a widget: QtCore only.

Each service is a QObject with plain methods and signals. `assembly.py` builds them all; widgets only call them and
listen.
"""
