"""The model manager behind the window: what is installed, what is offered, and long work on model files.

`manager.py` lists, downloads and chooses models; `tasks.py` does what takes long (check, import, export, move, ask a
repository). Whether a model fits is decided by the engine's planning: from the catalogue's figures, or from headers
that are read over the network or of what is installed.
"""
