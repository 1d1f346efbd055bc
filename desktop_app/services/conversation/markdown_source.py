"""Prepares the Markdown of a model for a parser, so that nothing that was read while it was written vanishes.

Markdown joins the lines of a paragraph, and takes backslashes before punctuation for its own. Models mean their
lines as lines (an address, a sign, a poem), and their backslashes as LaTeX.
"""

from __future__ import annotations

import re

#: Stands where a line ends inside a paragraph; Unicode reserves it for such use within a program. (Qt uses U+FDD0.)
LINE_END = "\ufde0"

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
# Lines that mean something else with anything behind them: headings, rules, empty list items, addresses of links.
_ALONE = re.compile(r" {0,3}(#{1,6}([ \t]|$)|[-=_*+][-=_* \t]*$|\d+[.)][ \t]*$|\[[^\]]*\]:)")
_BEGINS_BLOCK = re.compile(r"[ \t]*(#{1,6}[ \t]|>|[-*+][ \t]|\d+[.)][ \t]|`{3}|~{3}|\|)")
# Both are bounded, so that many beginnings without an end take no time.
_CODE = re.compile(r"(?<!`)(`{1,9})(?!`).{1,2000}?(?<!`)\1(?!`)", re.DOTALL)
_FORMULA = re.compile(
    r"\\\(.{1,1000}?\\\)|\\\[.{1,2000}?\\\]|\$\$.{1,2000}?\$\$"
    r"|(?<![\w$\\])\$(?=\S)[^$\n\\^_{}]{0,200}[\\^_{}][^$\n]{0,400}(?<=\S)\$(?![\w$])",
    re.DOTALL,
)
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# A backslash that Markdown would take away, though models write it only in LaTeX.
_LATEX = re.compile(r"\\(?=[(){}\[\],;:%&\\])")


def prepare(text: str) -> str:
    """Return Markdown that shows the lines, formulas and backslashes of `text`."""
    pieces: list[str] = []
    paragraph: list[str] = []
    fence = ""
    for line in text.replace(LINE_END, "").split("\n"):
        mark = _FENCE.match(line)
        is_fence_line = bool(mark) if not fence else bool(mark and _closes(fence, line))
        if fence or is_fence_line:
            pieces += [*_prepared(paragraph), line]
            paragraph = []
            if is_fence_line:
                fence = "" if fence else mark[1] if mark else ""
        elif line.strip():
            paragraph.append(line)
        else:
            pieces += [*_prepared(paragraph), line]
            paragraph = []
    return "\n".join([*pieces, *_prepared(paragraph)])


def _closes(fence: str, line: str) -> bool:
    words = line.strip()
    return len(words) >= len(fence) and set(words) == {fence[0]}


def _prepared(lines: list[str]) -> list[str]:
    """Return lines between two empty ones with their ends marked."""
    if not lines or lines[0].startswith(("    ", "\t")):  # code, or a part of a list
        return lines
    lines = _with_formulas("\n".join(lines)).split("\n")
    if len(lines) > 1 and "|" in lines[0] and "-" in lines[1] and _TABLE_RULE.match(lines[1]):
        return lines
    is_plain = not _BEGINS_BLOCK.match(lines[0])
    marked = []
    for index, line in enumerate(lines):
        is_plain = is_plain and not _BEGINS_BLOCK.match(line)
        words = line.lstrip(" ")
        # Where lines are lines, what is indented is so with a meaning, as in a list of prices.
        shown = "\u00a0" * (len(line) - len(words)) + words if index and is_plain else line
        ends = index + 1 == len(lines) or _ALONE.match(line)
        marked.append(shown if ends else f"{shown.rstrip()} {LINE_END}")
    return marked


def _with_formulas(text: str) -> str:
    """Return text in which formulas and LaTeX's backslashes are shown as they are written; code is left alone."""
    pieces, place = [], 0
    for code in _CODE.finditer(text):
        pieces += [_escaped(text[place : code.start()]), code[0]]
        place = code.end()
    return "".join([*pieces, _escaped(text[place:])])


def _escaped(text: str) -> str:
    pieces, place = [], 0
    for formula in _FORMULA.finditer(text):
        pieces += [_LATEX.sub(r"\\\\", text[place : formula.start()]), _PUNCTUATION.sub(r"\\\1", formula[0])]
        place = formula.end()
    return "".join([*pieces, _LATEX.sub(r"\\\\", text[place:])])
