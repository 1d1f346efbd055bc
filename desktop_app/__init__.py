"""Eyebright: talk with your computer about your pictures, in private."""

__version__ = "0.1.0"
#: Where releases are published. The name belongs to nobody; the release workflow puts its own repository's here.
__home__ = "https://eyebright.example"
