"""`make bench-ui` at a size that takes seconds, and how it counts what waits."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from bench.measured_process import REPOSITORY
from bench.results import Results
from bench.ui.aims import AIMS, table
from bench.ui.real_window import percentile
from bench.ui.writing import waits


@pytest.mark.timeout(300)  # ten seconds of work; more beside other work
def test_a_tiny_run_measures_the_window() -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "packaging"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "QT_QPA_PLATFORM": "offscreen",
    }
    command = [sys.executable, "-m", "bench.ui", "--tiny"]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "shown on: offscreen" in done.stdout
    assert done.stdout.count(" ms") >= 4, done.stdout
    assert "MiB" in done.stdout or sys.platform != "linux", done.stdout
    missing = [line for line in done.stdout.partition("Not measured\n")[2].splitlines() if "tiny run" not in line]
    assert not missing, done.stdout


def test_a_long_pause_counts_for_everything_that_waited() -> None:
    beats = [0.0, 0.002, 0.004, 0.104]
    found = waits(beats)
    assert len(found) == 2 + 49
    assert max(found) == pytest.approx(0.098)
    assert percentile(found, 0.5) == pytest.approx(0.046, abs=0.003)


def test_the_table_says_what_is_met() -> None:
    results = Results()
    results.values |= {"writing.wait_ms": 20.0, "keys.key_ms": 20.0, "window.ours_start_s": 1.0}
    results.reasons["window.bare_start_s"] = "no screen"
    lines = table(results, "offscreen").splitlines()
    assert sum("NOT MET" in line for line in lines) == 1
    assert sum(line.endswith("  met") for line in lines) == 1
    assert any("no screen" in line for line in lines)
    assert all(any(aim.says in line for line in lines) for aim in AIMS)
