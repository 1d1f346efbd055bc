"""The model manager behind the window: what is installed, what is offered, and long work on model files."""
