"""The benchmark's targets: what Eyebright must reach, as ratios of numbers from one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from bench.model_rows import follow_up, longest_stop, models_of
from bench.results import NotMeasuredError, Results
from desktop_app.engine.tuning.search import READ, WRITTEN

#: Together, window and engine, when planned for a computer with 8 GB.
LITTLE_MIB = 5888.0
_FOLLOW_UPS = range(2, 6)


@dataclass(frozen=True)
class Aim:
    """A figure and its limit; without one it is only shown."""

    key: str
    says: str
    figure: Callable[[Results], float]
    most: float | None = None
    least: float | None = None

    def is_met(self, value: float) -> bool | None:
        """Return whether a value is good enough, None if there is no limit."""
        if self.most is not None:
            return value <= self.most
        return value >= self.least if self.least is not None else None

    @property
    def limit(self) -> str:
        """Return the limit for a table."""
        if self.most is not None:
            return f"at most {self.most:g}"
        return f"at least {self.least:g}" if self.least is not None else ""


def _best(results: Results, what: str) -> float:
    """Return the speed of the fastest settings tried, as a multiple of ours; both with plain llama.cpp, in turns."""
    found = results.named("sweep.", f".{what}_ratio")
    if not found:
        raise NotMeasuredError(results.why("sweep"))
    return max(1.0, *found.values())


def _against_best(what: str) -> Callable[[Results], float]:
    """Return the figure: ours against plain llama.cpp with our settings, and that against the fastest settings."""
    return lambda r: r[f"ours.{what}_tok_s"] / r[f"plain.{what}_tok_s"] / _best(r, what)


def _conversation(reading: float, writing: float) -> float:
    """Return the seconds that the conversation takes by which settings are chosen."""
    return READ / reading + WRITTEN / writing


def _answering(results: Results) -> float:
    """Return the figure: a whole conversation with the best settings, against ours. No settings are best at both."""
    read, write = results["plain.reading_tok_s"], results["plain.writing_tok_s"]
    reading, writing = results.named("sweep.", ".reading_ratio"), results.named("sweep.", ".writing_ratio")
    both = reading.keys() & writing.keys()
    if not both:
        raise NotMeasuredError(results.why("sweep"))
    others = [_conversation(read * reading[name], write * writing[name]) for name in both]
    ours = _conversation(results["ours.reading_tok_s"], results["ours.writing_tok_s"])
    return min(_conversation(read, write), *others) / ours


def bandwidth_limit(results: Results) -> float:
    """Return the tokens per second that reading memory allows at the depth where writing was measured."""
    return results["computer.read_bytes_s"] / results["computer.bytes_per_token"]


def _follow_up(results: Results) -> float:
    ratios = [results[f"ours.first_token_s.{turn}"] / results[f"plain.first_token_s.{turn}"] for turn in _FOLLOW_UPS]
    return statistics.median(ratios)


def _same_settings(results: Results) -> float:
    return results["ours.writing_tok_s"] / results["plain.writing_tok_s"]


def _longest_stop(results: Results) -> float:
    longest = []
    for phase in ("looking", "reading", "writing"):
        found = results.named(f"ours.stop_{phase}_ms.")
        if not found:
            raise NotMeasuredError(results.why(f"ours.stop_{phase}_ms.0"))
        longest.append(max(found.values()))
    return max(longest)


AIMS = (
    Aim(
        "ttft_follow_up_vs_floor",
        "follow-up: first token against the bare cost of its new tokens, median of turns 2 to 5",
        _follow_up,
        most=1.1,
    ),
    Aim(
        "ttft_turn5_stock_over_ours",
        "fifth question: first token, stock handler over ours",
        lambda r: r["stock.first_token_s.5"] / r["ours.first_token_s.5"],
        least=20,
    ),
    Aim(
        "ttft_read_ahead_vs_text_only",
        "first question about a picture read ahead, against the same question without a picture",
        lambda r: r["ours.read_ahead_first_token_s"] / r["ours.text_only_first_token_s"],
        most=1.1,
    ),
    Aim(
        "quick_look_vs_whole",
        "first answer about a picture after a quick look, against one after the whole look",
        lambda r: r["quick_look.one_part.quick_s"] / r["quick_look.one_part.whole_s"],
        most=0.5,
    ),
    Aim(
        "quick_look_vs_whole_tiled",
        "the same for a picture in five parts, as LLaVA-1.6 sees it",
        lambda r: r["quick_look.tiled.quick_s"] / r["quick_look.tiled.whole_s"],
        most=0.35,
    ),
    Aim(
        "quick_look_turning_share",
        "turning the keys of a quick look to their places, as a share of reading it",
        lambda r: r["quick_look.turning_s"] / r["quick_look.one_part.quick_reading_s"],
    ),
    Aim("clip_encodes_after_restart", "CLIP runs after a restart", lambda r: r["ours.again_encodes"], most=0),
    Aim(
        "ttft_after_restart_speedup",
        "after a restart: first token of a fresh reading over ours",
        lambda r: r["ours.fresh_first_token_s"] / r["ours.again_first_token_s"],
        least=10,
    ),
    Aim("writing_vs_plain", "writing against plain llama.cpp with the same settings", _same_settings, least=0.97),
    Aim(
        "writing_vs_best",
        "writing against the best settings found",
        _against_best("writing"),
        least=0.97,
    ),
    Aim(
        "reading_vs_best",
        "reading against the best settings found",
        _against_best("reading"),
        least=0.97,
    ),
    Aim(
        "answering_vs_best",
        f"{READ} tokens read and {WRITTEN} written, against the settings that do both soonest",
        _answering,
        least=0.97,
    ),
    Aim(
        "writing_vs_bandwidth_limit",
        "writing against what the memory's bandwidth allows",
        lambda r: r["ours.writing_tok_s"] / bandwidth_limit(r),
    ),
    Aim(
        "peak_pss_mib",
        "peak memory of window and engine, planned for 8 GB (MiB)",
        lambda r: r["low_memory.peak_mib"],
        most=LITTLE_MIB,
    ),
    Aim("stop_ms_max", "longest stop (ms)", _longest_stop, most=100),
    Aim(
        "models_follow_up_vs_floor",
        "of several models the worst follow-up, against the bare cost of its new tokens, median of turns 2 to 4",
        lambda r: max(follow_up(r, model) for model in models_of(r)),
        most=1.1,
    ),
    Aim(
        "models_stop_ms_max",
        "of several models the longest stop (ms)",
        lambda r: max(longest_stop(r, model) for model in models_of(r)),
        most=100,
    ),
    Aim("tuning_seconds", "finding the fastest settings (s)", lambda r: r["tuning.seconds"], most=60),
    Aim(
        "window_start_vs_bare",
        "window usable, against a bare PySide6 window",
        lambda r: r["window.ours_start_s"] / r["window.bare_start_s"],
        most=2,
    ),
    Aim(
        "packaged_reading_vs_native",
        "reading with the packages' llama.cpp, against one compiled here",
        lambda r: r["packaged.reading_ratio"],
        least=0.97,
    ),
    Aim(
        "packaged_writing_vs_native",
        "writing with the packages' llama.cpp, against one compiled here",
        lambda r: r["packaged.writing_ratio"],
        least=0.97,
    ),
    Aim(
        "packaged_start_vs_unpackaged",
        "the packaged program's window seen, against the program in the repository",
        lambda r: r["packaged.start_ratio"],
        most=1.3,
    ),
    Aim(
        "writing_beside_others",
        "writing beside a busy process of another program, against alone",
        lambda r: r["ours.writing_beside_others_tok_s"] / r["ours.writing_tok_s"],
    ),
    Aim(
        "writing_beside_own_work",
        "writing while large pictures are dropped, against alone",
        lambda r: r["ours.writing_beside_own_work_tok_s"] / r["ours.writing_alone_tok_s"],
        least=0.9,
    ),
)
