"""The kinds of files that a file dialog offers."""

from __future__ import annotations

from collections.abc import Iterable


def file_kind(name: str, suffixes: Iterable[str]) -> str:
    """Return a filter for a file dialog: `name`, and the patterns of `suffixes`, such as ".png".

    In lower and upper case: GTK's dialog hides IMG_0001.JPG from a pattern in lower case, and cameras name files so.
    """
    patterns = [pattern for suffix in sorted(suffixes) for pattern in (f"*{suffix.lower()}", f"*{suffix.upper()}")]
    return f"{name} ({' '.join(patterns)})"
