"""Runs a measurement in a process of its own, with a time limit, and ends it with all processes it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.job import Job
from bench.memory import PeakWatch
from bench.results import Results

REPOSITORY = Path(__file__).resolve().parents[2]


def run_party(
    name: str, job: Job, results: Results, limit_s: float, *, watched: bool = False, group: Path | None = None
) -> None:
    """Measure party `name`. Its numbers, and its peak memory, go to `results`; so does why there are none.

    `watched`: how much memory it takes, with all that it starts, is looked at. That costs a little time.
    `group`: where its processes are held to a limit, see `ControlGroup.processes`.
    """
    folder = Path(job.folder)
    sheet, log = folder / f"{name}.jsonl", folder / f"{name}.log"
    sheet.unlink(missing_ok=True)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "packaging")}
    command = [sys.executable, "-m", "bench", "--party", name, "--job", job.text(), "--sheet", str(sheet)]
    if group is not None:
        command += ["--group", str(group)]
    why, peak = run_bounded(command, environment, log, limit_s, watched=watched)
    results.read(sheet)
    name = f"{name}.{job.title}" if job.title else name
    results.reasons.pop(name, None)  # of an attempt before
    if why:
        results.reasons[name] = why
    elif peak:
        results.values[f"{name}.peak_mib"] = peak
    elif watched:
        results.reasons[f"{name}.peak_mib"] = "this system does not tell a process's share of memory"


def run_bounded(
    command: Sequence[str], environment: dict[str, str], log: Path, limit_s: float, *, watched: bool
) -> tuple[str, float]:
    """Run a program and end all that it started; return (what went wrong or "", peak memory in MiB)."""
    with log.open("wb") as words:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,  # so that it can be ended with all that it started
        )
    watch = PeakWatch(process.pid, whole=True) if watched else None
    try:
        status = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return f"not ready after {limit_s:.0f} s", watch.end() if watch else 0.0
    finally:
        _end_group(process)
    peak = watch.end() if watch else 0.0
    if status < 0:
        return f"died of {signal.Signals(-status).name}", peak
    last = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
    return f"ended with status {status}: {last}" if status else "", peak


def _end_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all of them have ended
    process.wait()


def busy_share(seconds: float = 1.0) -> float:
    """Return how much of the processors others use just now, 0 to 1; 0 where the system does not tell."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0

    def times() -> tuple[int, int]:
        fields = [int(field) for field in stat.read_text().splitlines()[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    all_before, idle_before = times()
    time.sleep(seconds)
    all_after, idle_after = times()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)
