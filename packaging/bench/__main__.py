"""The command `make bench`. It imports little, because the engine process imports this module when it starts."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path


def main() -> int:
    """Measure: with `--party`, in a child process, one party; otherwise all of them."""
    options = _parser().parse_args()
    if options.group:
        Path(options.group).write_text("0")  # from here on, this process and its children count against a limit
    if options.party:
        from bench.job import Job
        from bench.parties import PARTIES
        from bench.results import Sheet

        module = importlib.import_module(f"bench.measurements.{PARTIES[options.party].module}")
        module.measure(Job.parse(options.job), Sheet(Path(options.sheet)))
        return 0
    from bench.parties import PARTIES
    from bench.whole_run import MODELS, measure_all

    wanted = options.only.split(",") if options.only else list(PARTIES)
    if unknown := set(wanted) - set(PARTIES):
        print(f"bench: --only knows {', '.join(PARTIES)}; not {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    models = options.models.split(",")
    if unknown := set(models) - set(MODELS):
        print(f"bench: --models knows {', '.join(MODELS)}; not {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    scale = "tiny" if options.tiny else "small" if options.quick else "real"
    return measure_all(scale, wanted, models, options.programs, options.output.resolve())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench", description="Measure what the person waits for, beside other programs, on this computer."
    )
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--quick", action="store_true", help="small shapes, under 3 minutes: ratios are only a hint")
    scale.add_argument("--tiny", action="store_true", help="tiny shapes: only to try the benchmark itself")
    parser.add_argument("--only", default="", metavar="PARTIES", help="measure only these, with commas in between")
    parser.add_argument(
        "--models",
        default="llava-1.5-7b,qwen3-vl-2b,qwen3.5-2b",
        help="which models the party 'models' compares (default: %(default)s)",
    )
    parser.add_argument(
        "--programs", default="", metavar="FOLDER", help="where llama-bench, llama-server and llama-mtmd-cli are"
    )
    parser.add_argument("--output", type=Path, default=Path("build", "bench"), metavar="FOLDER")
    for hidden in ("--party", "--job", "--sheet", "--group"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
