"""What the window must reach, and the table that compares it with what was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bench.results import NotMeasuredError, Results


class Scale(NamedTuple):
    """How much is measured."""

    seconds: float  # of an answer that is written
    messages: int  # in the long conversation
    openings: int  # of it
    keys: int
    starts: int  # of the window; 0: not measured


class UiAim(NamedTuple):
    """A figure and the most that it may be; None: it is only shown."""

    says: str
    unit: str
    most: float | None
    figure: Callable[[Results], float]


#: The parts, each a module of this package, and the seconds after which one is ended.
PARTS = {"writing": 90.0, "long_conversation": 240.0, "keys": 120.0, "start": 240.0}

AIMS = (
    UiAim(
        "wait in the event loop while 100 tokens a second are written, p99",
        "ms",
        16,
        lambda r: r["writing.wait_ms"],
    ),
    UiAim(
        "a conversation of 10,000 messages, from the click to its first painting, median",
        "ms",
        150,
        lambda r: r["long_conversation.open_ms"],
    ),
    UiAim("the same, the first time", "ms", None, lambda r: r["long_conversation.first_ms"]),
    UiAim("memory of the window after that", "MiB", None, lambda r: r["long_conversation.memory_mib"]),
    UiAim("from a key to its letter while the engine computes, p99", "ms", 50, lambda r: r["keys.key_ms"]),
    UiAim(
        "the window usable, against a bare window of PySide6",
        "x",
        2,
        lambda r: r["window.ours_start_s"] / r["window.bare_start_s"],
    ),
)


def table(results: Results, shown_on: str) -> str:
    """Return the figures, the aims, and whether they are met."""
    rows = [("", "measured", "aim", "")]
    reasons = []
    for aim in AIMS:
        limit = f"at most {aim.most:g} {aim.unit}" if aim.most is not None else ""
        try:
            value = aim.figure(results)
        except NotMeasuredError as error:
            reasons.append(f"  {error}")
            rows.append((aim.says, "?", limit, ""))
            continue
        verdict = "" if aim.most is None else "met" if value <= aim.most else "NOT MET"
        rows.append((aim.says, f"{value:.1f} {aim.unit}", limit, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    reasons += [f"  {part}: {why}" for part, why in results.reasons.items() if "." not in part]
    lines = [f"shown on: {shown_on}", *lines]
    if reasons:
        lines += ["", "Not measured", *dict.fromkeys(reasons)]
    return "\n".join(lines)
