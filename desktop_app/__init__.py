"""Eyebright: a desktop program to chat with a vision model about pictures, without sending them anywhere."""

__version__ = "0.1.0"
#: Where releases are published. The name belongs to nobody; the release workflow puts its own repository's here.
__home__ = "https://eyebright.example"
