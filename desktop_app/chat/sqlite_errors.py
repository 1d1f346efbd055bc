"""Tells failures of SQLite that are nobody's bug, and no damage either, from all others."""

from __future__ import annotations

#: By SQLite's own words (Python 3.10 does not tell their numbers), each with the code of its sentence.
EXPECTED = {
    "database or disk is full": "disk-full",
    "database is locked": "history-in-use",
    "disk I/O error": "history-unavailable",
    "attempt to write a readonly database": "history-unavailable",
    "unable to open database file": "history-unavailable",
}
