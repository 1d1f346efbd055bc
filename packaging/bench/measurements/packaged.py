"""The packaged program beside the one that runs from the repository: llama.cpp for all processors, frozen Python.

Both are measured in turns. `make packages` must have been run before.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from trials.x11_user import screen

from bench.job import Job
from bench.measured_process import REPOSITORY
from bench.results import Sheet

BUILD = REPOSITORY / "build" / "packages"
PROGRAM = BUILD / "frozen" / "eyebright" / "eyebright"
_LEAST_ROOM = 1024
_START_S = 60


def measure(job: Job, sheet: Sheet) -> None:
    """Compare speed, then start-up. Without packages each row says so."""
    if not PROGRAM.exists():
        raise RuntimeError("no packages were made: make packages")
    with sheet.row("packaged.reading_ratio", "packaged.writing_ratio"):
        _speed(job, sheet)
    with sheet.row("packaged.start_ratio"):
        _starts(job, sheet)


def _speed(job: Job, sheet: Sheet) -> None:
    # The libraries that were frozen come before those that were compiled here.
    frozen = next((BUILD / "venv").glob("lib/python*/site-packages"))
    depth = job.depth or job.n_ctx // 6
    tokens = job.reading_tokens
    with _worker(job) as native, _worker(job, frozen) as packaged:
        for name, ask, rounds in (
            ("reading", f"read {tokens}", max(2, job.repeats - 1)),
            ("writing", f"write {depth} {max(2, job.writing_tokens // 2)}", job.repeats + 2),
        ):
            _ask(native, ask), _ask(packaged, ask)  # the first use of its memory costs
            pairs = [(_ask(packaged, ask), _ask(native, ask)) for _ in range(rounds)]
            speeds = [statistics.median(column) for column in zip(*pairs, strict=True)]
            sheet.put(f"packaged.{name}_tok_s", speeds[0])
            sheet.put(f"packaged.native_{name}_tok_s", speeds[1])
            sheet.put(f"packaged.{name}_ratio", statistics.median(ours / theirs for ours, theirs in pairs))


@contextlib.contextmanager
def _worker(job: Job, *libraries: Path) -> Iterator[subprocess.Popen[str]]:
    settings = json.dumps(asdict(job.settings))
    room = max(_LEAST_ROOM, 2 * job.reading_tokens, 2 * job.depth)
    command = [sys.executable, "-m", "bench.measurements.speed_worker", job.model, settings, str(room)]
    path = os.pathsep.join(map(str, (REPOSITORY / "packaging", REPOSITORY, *libraries)))
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the model could not be loaded")
        yield process
    finally:
        process.kill()
        process.wait()


def _ask(process: subprocess.Popen[str], what: str) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(what + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def _starts(job: Job, sheet: Sheet) -> None:
    """Start both until their window is seen on a screen of our own."""
    if not shutil.which("Xvfb") or not shutil.which("xdotool"):
        raise RuntimeError("Xvfb and xdotool are needed to see a window")
    ours: list[str] = [sys.executable, "-m", "desktop_app"]
    times: dict[str, list[float]] = {"packaged": [], "unpackaged": []}
    with screen() as display:
        for _ in range(2 * job.repeats + 1):  # the first round only warms the file cache, and compiles
            times["packaged"].append(_start([str(PROGRAM)], display, job))
            times["unpackaged"].append(_start(ours, display, job))
    seconds = {name: statistics.median(found[1:]) for name, found in times.items()}
    sheet.put("packaged.start_s", seconds["packaged"])
    sheet.put("packaged.unpackaged_start_s", seconds["unpackaged"])
    sheet.put("packaged.start_ratio", seconds["packaged"] / seconds["unpackaged"])


def _start(command: Sequence[str], display: str, job: Job) -> float:
    environment = os.environ | {
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "EYEBRIGHT_HOME": str(Path(job.folder) / "packaged-home"),
        "PYTHONPYCACHEPREFIX": str(Path(job.folder) / "packaged-bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    look = ["xdotool", "search", "--onlyvisible", "--class", "eyebright"]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.DEVNULL)
    try:
        while time.monotonic() - started < _START_S:
            if subprocess.run(look, env=environment, capture_output=True, check=False).stdout.strip():
                return time.monotonic() - started
            if process.poll() is not None:
                raise RuntimeError(f"it ended with {process.returncode}")
        raise RuntimeError("no window came")
    finally:
        process.terminate()
        process.wait()
