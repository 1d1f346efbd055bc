"""Colours, icons and small controls that every part of the window is made of."""
