"""Colours, icons and small controls that all parts of the window use."""
