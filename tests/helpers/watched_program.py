"""Runs the program without a screen, with its loop of Qt watched by a piece of Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.helpers.paths import REPOSITORY


def run_watched(code: str, *arguments: str, folder: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Run `code`, which starts the program, in `folder` with a home below it; return the lines that it prints."""
    home = {"EYEBRIGHT_HOME": str(folder / "home"), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**environment, **home},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()
