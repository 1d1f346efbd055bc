"""Eyebright: talk with your computer about your pictures, in private."""

__version__ = "0.1.0"
