"""Writes the results of a benchmark as a table for people and as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from bench.model_rows import model_rows
from bench.results import NotMeasuredError, Results
from bench.targets import AIMS, bandwidth_limit

_PARTIES = ("ours", "stock", "plain", "server")
_TITLES = ("", "Eyebright", "stock handler", "plain llama.cpp", "llama-server")


def figures(results: Results) -> tuple[dict[str, float | None], dict[str, str]]:
    """Return the figure of every aim, None if it was not measured, and the reasons for these."""
    found: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for aim in AIMS:
        try:
            found[aim.key] = round(aim.figure(results), 4)
        except NotMeasuredError as error:
            found[aim.key] = None
            reasons[aim.key] = str(error)
    return found, reasons


def table(results: Results, context: dict[str, str]) -> str:
    """Return the results as text: the programs side by side, then the figures compared with the aims."""
    lines = [f"{title}: {text}" for title, text in context.items()]
    if any(name.partition(".")[0] != "models" for name in results.values if not name.startswith("computer.")):
        lines += ["", *_columns(_side_by_side(results)), "", "Speed of each setting with plain llama.cpp"]
        lines += ["", *_columns(_settings(results))]
    if results.named("models."):
        lines += ["", "The same conversation with several models", "", *_columns(model_rows(results))]
    lines += ["", "Aims", "", *_columns(_aims(results))]
    reasons = figures(results)[1] | results.reasons
    if reasons:
        lines += ["", "Not measured", "", *(f"  {key}: {why}" for key, why in reasons.items())]
    return "\n".join(lines) + "\n"


def _side_by_side(results: Results) -> Iterable[tuple[str, ...]]:
    yield _TITLES
    rows = [("load (s)", "load_s"), ("picture encode (s)", "encode_s"), ("picture read (s)", "picture_reading_s")]
    rows += [(f"first token, turn {turn} (s)", f"first_token_s.{turn}") for turn in range(1, 6)]
    rows += [
        ("turn 1 with the picture read ahead (s)", "read_ahead_first_token_s"),
        ("text of the same length, no picture (s)", "text_only_first_token_s"),
        ("after a restart, known picture (s)", "again_first_token_s"),
        ("after a restart, without caches (s)", "fresh_first_token_s"),
        ("reading (tokens/s)", "reading_tok_s"),
        ("writing (tokens/s)", "writing_tok_s"),
        ("writing next to a busy process (tokens/s)", "writing_beside_others_tok_s"),
        ("writing while pictures are dropped (tokens/s)", "writing_beside_own_work_tok_s"),
        ("peak memory, engine (MiB)", "peak_mib"),
    ]
    for title, what in rows:
        yield title, *(_shown(results, f"{party}.{what}") for party in _PARTIES)
    for kind, what in (("one_part", "a picture"), ("tiled", "a picture in five parts")):
        for look in ("whole", "quick"):
            found = _shown(results, f"quick_look.{kind}.{look}_s")
            rows_read = _shown(results, f"quick_look.{kind}.{look}_rows")
            yield f"first token about {what}, {look} look of {rows_read} rows (s)", found, "", "", ""
    yield "turning the keys of a quick look (s)", _shown(results, "quick_look.turning_s"), "", "", ""
    yield "repacking weights when idle (s)", _shown(results, "ours.layout_s"), "", "", ""
    yield "peak memory, window and engine, planned for 8 GB (MiB)", _shown(results, "low_memory.peak_mib"), "", "", ""
    yield "memory of the window (MiB)", _shown(results, "window.memory_mib"), "", "", ""
    yield "window usable (s)", _shown(results, "window.ours_start_s"), "", "", ""
    yield "longest pause of the window after that (ms)", _shown(results, "window.longest_pause_ms"), "", "", ""
    yield "bare PySide6 window, as pip installs it (s)", _shown(results, "window.bare_start_s"), "", "", ""
    yield "bare PySide6 window, unpacked like Eyebright's (s)", _shown(results, "window.unpacked_start_s"), "", "", ""
    for phase in ("looking", "reading", "writing"):
        stops = results.named(f"ours.stop_{phase}_ms.").values()
        yield f"stop while {phase}, longest (ms)", f"{max(stops):.0f}" if stops else "-", "", "", ""
    for name, value in sorted(results.named("programs.").items()):
        yield f"{name}", _number(value), "", "", ""


def _settings(results: Results) -> Iterable[tuple[str, ...]]:
    yield "", "reading (tokens/s)", "x Eyebright", "writing (tokens/s)", "x Eyebright"
    yield "Eyebright", _shown(results, "plain.reading_tok_s"), "1", _shown(results, "plain.writing_tok_s"), "1"
    for name in dict.fromkeys(name.rpartition(".")[0] for name in results.named("sweep.")):
        what = ("reading_tok_s", "reading_ratio", "writing_tok_s", "writing_ratio")
        yield name, *(_shown(results, f"sweep.{name}.{one}") for one in what)
    try:
        yield "limit set by memory bandwidth", "", "", _number(bandwidth_limit(results)), ""
    except NotMeasuredError as error:
        yield f"limit set by memory bandwidth: {error}", "", "", "", ""


def _aims(results: Results) -> Iterable[tuple[str, ...]]:
    found = figures(results)[0]
    for aim in AIMS:
        value = found[aim.key]
        verdict = {True: "met", False: "NOT MET", None: ""}[aim.is_met(value)] if value is not None else "?"
        yield aim.key, _number(value), aim.limit, verdict, aim.says


def _shown(results: Results, name: str) -> str:
    return _number(results.values.get(name))


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.2f}"


def _columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    whole = list(rows)
    widths = [max(len(row[index]) for row in whole) for index in range(len(whole[0]))]
    return [
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in whole
    ]


def write_json(path: Path, results: Results, context: dict[str, str], *, real_shapes: bool) -> None:
    """Write the figures, the measurements behind them, and the reasons for missing ones."""
    found, reasons = figures(results)
    content = {
        **found,
        "context": context,
        "real_shapes": real_shapes,
        "reasons": reasons | results.reasons,
        "measurements": dict(sorted(results.values.items())),
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
