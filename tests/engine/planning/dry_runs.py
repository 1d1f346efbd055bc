"""Starts dry runs of llama.cpp: see `dry_run.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.engine.planning import dry_run


def asked(model: Path, *words: str) -> list[dict[str, float]]:
    """Return what llama.cpp says to each of `words`."""
    command = [sys.executable, str(dry_run.__file__), str(model), *words]
    environment = {**os.environ, "GGML_NO_BACKTRACE": "1"}
    result = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr.decode()[-2000:]
    found: list[dict[str, float]] = json.loads(result.stdout)
    return found
