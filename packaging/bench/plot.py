"""Draws the result of a benchmark as a picture: waiting times, writing speed, memory."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.results import NotMeasuredError, Results
from bench.targets import LITTLE_MIB, bandwidth_limit

_SIZE = (1200, 980)
_INK, _FAINT = "#22303C", "#8795A1"
_COLOURS = {"Eyebright": "#2F6FB0", "stock handler": "#D08A3C", "plain llama.cpp": "#7A8B99", "llama-server": "#6B9E6B"}
_FACTS = ("date", "computer", "shapes")
_PARTIES = {"Eyebright": "ours", "stock handler": "stock", "plain llama.cpp": "plain", "llama-server": "server"}

Groups = dict[str, dict[str, float]]  # group -> party -> value


def draw(path: Path, results: Results, context: dict[str, str]) -> None:
    """Write the plot as PNG; what was not measured is not drawn."""
    image = Image.new("RGB", _SIZE, "white")
    pen = _Pen(ImageDraw.Draw(image))
    pen.text(40, 24, "Eyebright beside others, on the same computer in one run", 26)
    # What else there is to know stands above the table, and would not fit here.
    pen.text(40, 60, "   ".join(context[name] for name in _FACTS if name in context), 15, _FAINT)
    for index, (party, colour) in enumerate(_COLOURS.items()):
        pen.bar(40 + index * 200, 94, 14, 14, colour)
        pen.text(60 + index * 200, 91, party, 16)
    waits: Groups = {f"turn {turn}": _values(results, f"first_token_s.{turn}") for turn in range(1, 6)}
    for title, what in (("picture read ahead", "read_ahead"), ("after a restart", "again")):
        waits[title] = _values(results, f"{what}_first_token_s")
    pen.panel((40, 130, 1160, 460), "Time to the first token (seconds)", waits)
    speeds: Groups = {"writing": _values(results, "writing_tok_s"), "reading": _values(results, "reading_tok_s")}
    try:
        limit = {"writing": bandwidth_limit(results)}
    except NotMeasuredError:
        limit = {}
    pen.panel((40, 490, 580, 940), "Speed (tokens per second); the line: what memory allows", speeds, limit)
    memory: Groups = {"peak": _values(results, "peak_mib")}
    if "low_memory.peak_mib" in results.values:
        memory["planned for 8 GB"] = {"Eyebright": results.values["low_memory.peak_mib"]}
    pen.panel((620, 490, 1160, 940), "Memory (MiB)", memory, {"planned for 8 GB": LITTLE_MIB})
    image.save(path)


def _values(results: Results, what: str) -> dict[str, float]:
    names = {party: f"{short}.{what}" for party, short in _PARTIES.items()}
    return {party: results.values[name] for party, name in names.items() if name in results.values}


class _Pen:
    def __init__(self, target: ImageDraw.ImageDraw) -> None:
        self._target = target

    def text(self, x: float, y: float, words: str, size: int, colour: str = _INK, anchor: str = "la") -> None:
        self._target.text((x, y), words, fill=colour, font=ImageFont.load_default(size), anchor=anchor)

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        self._target.rectangle((x, y, x + width, y + height), fill=colour)

    def panel(
        self, box: tuple[int, int, int, int], title: str, groups: Groups, lines: dict[str, float] | None = None
    ) -> None:
        """Draw groups of upright bars; each group with a line has one across it."""
        left, top, right, bottom = box
        self.text(left, top, title, 18)
        base, highest = bottom - 30, top + 56
        values = [value for bars in groups.values() for value in bars.values()]
        most = max([*values, *(lines or {}).values()], default=0.0)
        step = (right - left) / len(groups)
        self._target.line((left, base, right, base), fill=_FAINT)
        if most <= 0:
            self.text((left + right) / 2, (top + bottom) / 2, "not measured", 16, _FAINT, "mm")
            return
        for index, (group, bars) in enumerate(groups.items()):
            start = left + index * step
            self.text(start + step / 2, base + 8, group, 15, anchor="ma")
            width = step * 0.8 / len(_COLOURS)
            for place, (party, colour) in enumerate(_COLOURS.items()):
                if party not in bars:
                    continue
                height = (base - highest) * bars[party] / most
                x = start + step * 0.1 + place * width
                self.bar(x, base - height, width - 4, height, colour)
                value = bars[party]
                label = f"{value:.0f}" if value >= 100 else f"{value:.1f}"
                self.text(x + width / 2 - 2, base - height - 4, label, 13, anchor="mb")
            if lines and group in lines:
                y = base - (base - highest) * lines[group] / most
                self._target.line((start + step * 0.05, y, start + step * 0.95, y), fill="#B03A2E", width=2)
