"""The command `make bench-ui`: measures one part after another, and prints how they compare with the aims."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.ui.aims import AIMS, PARTS, Scale, table

_FULL = Scale(seconds=15.0, messages=10_000, openings=5, keys=300, starts=5)
_TINY = Scale(seconds=1.0, messages=200, openings=2, keys=20, starts=0)


def main() -> int:
    """Measure: with `--part`, in a child process, one part; otherwise all of them."""
    options = _parser().parse_args()
    scale = _TINY if options.tiny else _FULL
    if options.part:
        from bench.results import Sheet

        module = importlib.import_module(f"bench.ui.{options.part}")
        module.measure(scale, Sheet(Path(options.sheet)))
        return 0
    from bench.results import Results

    results = Results()
    with tempfile.TemporaryDirectory(prefix="eyebright-bench-ui-") as folder, _display() as shown_on:
        for part, limit_s in PARTS.items():
            _run(part, limit_s, scale, options.tiny, Path(folder), shown_on, results)
    print(table(results, shown_on.get("QT_QPA_PLATFORM", "the screen")))
    return 0 if results.values else 1


def _run(
    part: str, limit_s: float, scale: Scale, tiny: bool, folder: Path, shown_on: dict[str, str], results: object
) -> None:
    from bench.measured_process import REPOSITORY, run_bounded
    from bench.results import Results

    assert isinstance(results, Results)
    sheet = folder / f"{part}.jsonl"
    environment = os.environ | shown_on
    environment |= {"PYTHONPATH": str(REPOSITORY / "packaging"), "EYEBRIGHT_HOME": str(folder / f"{part}-home")}
    command = [sys.executable, "-m", "bench.ui", "--part", part, "--sheet", str(sheet), *(["--tiny"] if tiny else [])]
    why, _peak = run_bounded(command, environment, folder / f"{part}.log", limit_s, watched=False)
    results.read(sheet)
    if why:
        results.reasons[part] = why


@contextlib.contextmanager
def _display() -> Iterator[dict[str, str]]:
    """Yield what tells Qt where to show windows: the person's screen, else one of our own, else none at all."""
    if "QT_QPA_PLATFORM" in os.environ or "WAYLAND_DISPLAY" in os.environ or "DISPLAY" in os.environ:
        yield {name: os.environ[name] for name in ("QT_QPA_PLATFORM",) if name in os.environ}
    elif sys.platform == "linux" and shutil.which("Xvfb"):
        from trials.x11_user import screen

        with screen() as display:
            yield {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
    else:
        yield {"QT_QPA_PLATFORM": "offscreen"}


def _parser() -> argparse.ArgumentParser:
    says = "Measure how quickly the window reacts: " + "; ".join(aim.says for aim in AIMS) + "."
    parser = argparse.ArgumentParser(prog="make bench-ui", description=says)
    parser.add_argument("--tiny", action="store_true", help="seconds instead of minutes: only to try it")
    for hidden in ("--part", "--sheet"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
