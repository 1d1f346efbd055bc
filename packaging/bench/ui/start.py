"""How soon the window is usable, beside a bare one: as `make bench` measures it."""

from __future__ import annotations

import tempfile

from bench.job import Job
from bench.measurements import window
from bench.results import Sheet
from bench.ui.aims import Scale


def measure(scale: Scale, sheet: Sheet) -> None:
    """Start all kinds of window in turn."""
    if not scale.starts:
        sheet.fail("window.ours_start_s", "not measured in a tiny run")
        return
    with tempfile.TemporaryDirectory() as folder:
        window.measure(Job("", "", folder, 0, 0, 0, 0, scale.starts), sheet)
