"""Writes Markdown as HTML that loads nothing and runs nothing, for web pages and for the clipboard."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, cast

from desktop_app.markdown.highlighting import highlight
from desktop_app.markdown.parser import language_of, parse, parser
from desktop_app.markdown.typesetting import to_mathml

if TYPE_CHECKING:
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

_MOST_FORMULAS = 1_000  # of one text; more stay as they were written


def to_html(text: str, name: str = "", coloured: bool = True) -> str:
    """Return an answer laid out; one that cannot be laid out is shown as it is.

    `name`: another one for each text. `coloured`: whether the words of code get colours, which may take seconds.
    """
    tokens = parse(text)
    if tokens is None:
        return plain_html(text)
    for index, token in enumerate(_formulas(tokens)):
        token.hidden = index >= _MOST_FORMULAS
    return _renderer().render(tokens, parser().options, {"coloured": coloured, **({"docId": name} if name else {})})


def plain_html(text: str) -> str:
    """Return text as it was typed."""
    return f'<div style="white-space: pre-wrap" dir="auto">{escape(text)}</div>'


def _formulas(tokens: Sequence[Token]) -> list[Token]:
    every = [inner for token in tokens for inner in (token, *(token.children or ()))]
    return [token for token in every if token.type == "formula"]


@cache
def _renderer() -> RendererHTML:
    from markdown_it.renderer import RendererHTML

    made = cast(RendererHTML, parser().renderer)
    rules: dict[str, Any] = {
        "text": _spaced,
        "formula": _formula,
        "code_inline": _words_of_code,
        "fence": _code,
        "list_item_open": _item,
    }
    made.rules.update(rules)
    return made


def _spaced(tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    """Return words whose columns stay columns: browsers make one of several spaces."""
    return escape(tokens[index].content).replace("  ", "\u00a0 ")


def _formula(tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    token = tokens[index]
    drawn = "" if token.hidden else to_mathml(token.content, bool(token.meta["display"]))
    shown = drawn or escape(token.markup).replace("\n", "<br>\n")
    return f"<p>{shown}</p>\n" if token.block else shown


def _code(tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
    token = tokens[index]
    language = language_of(token)
    pieces, place = [], 0
    for begin, end, kind in highlight(token.content, language) if env["coloured"] else ():
        pieces.append(
            f'{escape(token.content[place:begin])}<span class="{kind}">{escape(token.content[begin:end])}</span>'
        )
        place = end
    named = f' class="language-{escape(language)}"' if language else ""
    return f"<pre><code{named}>{''.join(pieces)}{escape(token.content[place:])}</code></pre>\n"


def _words_of_code(tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return "<code>" + escape(tokens[index].content).replace("\n", "<br>\n") + "</code>"


def _item(tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    checked = tokens[index].meta.get("checked")
    if checked is None:
        return "<li>"
    return f'<li class="task"><input type="checkbox" disabled{" checked" if checked else ""}> '
