"""Keeps what a parser of Markdown drops: definitions that nothing uses, cells too many, a second footnote of a name.

Tables that would become very large are no tables: rows are filled up with empty cells, so a short text may stand for
many.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

_MOST_CELLS = 2_000  # of all tables of a text; a table with more, and those behind it, are shown as they were written
_MOST_COLUMNS = 100
_EACH_TABLE = 10  # cells: what a table takes besides its own
_CELLS = "cells"  # how many there are, in the environment of the parser
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\]:")


def install(parser: MarkdownIt) -> None:
    """Let a parser, which knows footnotes, keep these."""
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    parser.block.ruler.before("footnote_def", "footnote_again", _footnote_again)
    parser.core.ruler.push("definitions", _show_definitions)
    parser.options["inline_definitions"] = parser.options["store_labels"] = True


def _table(state: StateBlock, first: int, limit: int, silent: bool) -> bool:
    from markdown_it.rules_block import table

    columns = _columns(state, first + 1) if first + 1 < limit else 0
    free = _MOST_CELLS - _EACH_TABLE - state.env.get(_CELLS, 0)
    if not columns or free < columns:
        return False
    begin, most_rows = len(state.tokens), free // columns
    # One row too many is read, and the line below the first.
    if not table(state, first, min(limit, first + most_rows + 2), silent):
        return False
    if silent:
        return True
    rows = state.line - first - 1
    if columns > _MOST_COLUMNS or rows > most_rows:
        del state.tokens[begin:]
        state.line = first
        state.env[_CELLS] = _MOST_CELLS
        return False
    state.env[_CELLS] = state.env.get(_CELLS, 0) + _EACH_TABLE + columns * rows
    _keep_cells(state, state.tokens[begin:])
    return True


def _columns(state: StateBlock, line: int) -> int:
    """Return how many columns the line below the first row of a table names."""
    words = state.src[state.bMarks[line] : state.eMarks[line]].strip()
    return len(words.removeprefix("|").removesuffix("|").split("|")) if words else 0


def _keep_cells(state: StateBlock, tokens: list[Token]) -> None:
    """Put the cells that are too many for the first row into the last cell of theirs."""
    from markdown_it.rules_block.table import escapedSplit

    columns = sum(token.type == "th_open" for token in tokens)
    line = 0
    for index, token in enumerate(tokens):
        if token.type == "tr_open" and token.map:
            line = token.map[0]
        elif token.type == "tr_close":
            words = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()
            cells = escapedSplit(words.removeprefix("|"))
            if cells and not cells[-1]:
                cells.pop()
            if len(cells) > columns:
                tokens[index - 2].content = " | ".join(cell.strip() for cell in cells[columns - 1 :])


def _footnote_again(state: StateBlock, first: int, _limit: int, silent: bool) -> bool:
    """Show a second footnote of a name where it stands."""
    begin = state.bMarks[first] + state.tShift[first]
    found = _FOOTNOTE.match(state.src, begin, state.eMarks[first])
    known = state.env.get("footnotes", {}).get("refs", {})
    if silent or found is None or f":{found[1]}" not in known or state.is_code_block(first):
        return False
    state.push("paragraph_open", "p", 1).map = [first, first + 1]
    words = state.push("inline", "", 0)
    words.content, words.map, words.children = state.src[begin : state.eMarks[first]].strip(), [first, first + 1], []
    state.push("paragraph_close", "p", -1)
    state.line = first + 1
    return True


def _show_definitions(state: StateCore) -> None:
    """Show the definitions of links that no link uses: models list their sources so."""
    words = [token for token in state.tokens if token.children]
    used = {inner.meta.get("label") for token in words for inner in token.children or ()}
    lines = state.src.split("\n")
    shown: set[str] = set()
    kept: list[Token] = []
    below: Token | None = None  # the words of the definition on the line above
    for token in state.tokens:
        if token.type != "definition":
            kept.append(token)
            below = None
        elif token.meta["id"] not in used or token.meta["id"] in shown:
            first, after = token.map or (0, 0)
            written = "\n".join(lines[first:after])
            written = written[written.index("[") :].rstrip()
            if below is None or below.map is None or below.map[1] != first:
                made = _paragraph(token)
                below = made[1]
                kept += made
            else:
                below.map[1] = after  # the same list as that of its paragraph
                below.children = [*(below.children or ()), _token("hardbreak", "br")]
            below.children = [*(below.children or ()), *_lines(written)]
        shown.add(token.meta.get("id", ""))
    state.tokens = kept


def _paragraph(definition: Token) -> list[Token]:
    place = list(definition.map or (0, 0))
    made = [_token("paragraph_open", "p", 1), _token("inline", ""), _token("paragraph_close", "p", -1)]
    for token in made:
        token.level, token.block = definition.level + (token.type == "inline"), True
    made[0].map = made[1].map = place
    made[1].children = []
    return made


def _lines(written: str) -> list[Token]:
    found: list[Token] = []
    for line in written.split("\n"):
        found += [_token("hardbreak", "br")] if found else []
        found.append(_token("text", "", content=line.strip()))
    return found


def _token(kind: str, tag: str, nesting: int = 0, content: str = "") -> Token:
    from markdown_it.token import Token

    return Token(kind, tag, nesting, content=content)  # type: ignore[arg-type]
