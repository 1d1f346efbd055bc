"""Parses the Markdown of a model, so that nothing that was read while it was written vanishes.

It is CommonMark with tables, task lists, footnotes, bare web addresses and formulas. Where Markdown would lose
something that models mean, this parser keeps it: line breaks and columns, the backslashes of LaTeX, HTML (as plain
text). No token names anything that could be loaded: a picture becomes its description, and of a link that leads
elsewhere than to the web or to a mail, words and address are left.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from desktop_app.markdown import formula_rules, keeping
from desktop_app.markdown.limits import DEEPEST, can_be_laid_out

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_SAFE_LINK = re.compile(r"(https?://[^/]|mailto:[^?])", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w\"'=/])https?://[^\s<>\"`]{1,2000}", re.IGNORECASE)
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # turn words around: "moc.live" would be shown as "evil.com"
_BOX = re.compile(r"\[([ xX])\][ \u00a0]+")
# What LaTeX writes behind a backslash. Markdown would take the backslash away.
_LATEX = frozenset("(){}[],;:%&\\")


def parse(text: str) -> list[Token] | None:
    """Return the tokens of an answer, or None for a text that cannot be laid out in reasonable time."""
    return parser().parse(text) if can_be_laid_out(text) else None


def language_of(code: Token) -> str:
    """Return the language that is named at the beginning of a block of code, "" where none is."""
    return next(iter(code.info.split()), "")


def is_safe_link(address: str) -> bool:
    """Return whether an address leads to the web or to a mail."""
    return _SAFE_LINK.match(address) is not None


@cache
def parser() -> MarkdownIt:
    """Return the parser; it takes a moment to import, so nothing needs it before an answer is shown."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin

    # A level of a list counts four times.
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 5 * DEEPEST})
    made.enable(["table", "strikethrough"])
    made.use(footnote_plugin, inline=False)
    made.inline.ruler.at("newline", _line_end)
    made.inline.ruler.at("backticks", _code)
    formula_rules.install(made)
    made.inline.ruler.before("escape", "latex", _latex)
    made.core.ruler.before("footnote_tail", "all_footnotes", _keep_footnotes)
    keeping.install(made)
    # Plugins find these two as well, but take minutes for texts of colons and of tasks.
    made.core.ruler.push("tasks", _find_tasks)
    made.core.ruler.push("links", _tidy_links)
    made.validateLink = lambda url: True  # type: ignore[method-assign] # `_tidy_links` looks at them
    return made


def _line_end(state: StateInline, silent: bool) -> bool:
    """A line ends where it ends, and what is indented stays so, as in a list of prices."""
    if state.src[state.pos] != "\n":
        return False
    words = state.pos + 1
    while words < state.posMax and state.src[words] in " \t":
        words += 1
    if not silent:
        state.pending = state.pending.rstrip(" ")
        state.push("hardbreak", "br", 0)
        state.pending = "\u00a0" * (words - state.pos - 1)
    state.pos = words
    return True


def _code(state: StateInline, silent: bool) -> bool:
    """Lines end in code among words as well."""
    from markdown_it.rules_inline import backtick

    begin, count = state.pos, len(state.tokens)
    if not backtick(state, silent):
        return False
    token = state.tokens[-1] if len(state.tokens) > count else None
    if token is not None and token.type == "code_inline":
        inside = state.src[begin + len(token.markup) : state.pos - len(token.markup)]
        token.content = inside[1:-1] if inside.strip() and inside[0] == inside[-1] == " " else inside
    return True


def _latex(state: StateInline, silent: bool) -> bool:
    pair = state.src[state.pos : state.pos + 2]
    if len(pair) < 2 or pair[0] != "\\" or pair[1] not in _LATEX:
        return False
    if not silent:
        state.pending += pair
    state.pos += 2
    return True


def _keep_footnotes(state: StateCore) -> None:
    """Show footnotes that nothing refers to as well."""
    footnotes: dict[str, Any] = state.env.get("footnotes", {})
    for label, number in footnotes.get("refs", {}).items():
        if number < 0:
            shown = footnotes.setdefault("list", {})
            footnotes["refs"][label] = len(shown)
            shown[len(shown)] = {"label": label[1:], "count": 0}


def _find_tasks(state: StateCore) -> None:
    """Put into the meta data of a list item whether its box is "checked", and take the box out of its words."""
    for item, paragraph, words in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if item.type == "list_item_open" and paragraph.type == "paragraph_open" and words.children:
            first = words.children[0]
            box = _BOX.match(first.content) if first.type == "text" else None
            if box:
                item.meta = {**item.meta, "checked": box[1] != " "}
                first.content = first.content[box.end() :]


def _tidy_links(state: StateCore) -> None:
    for token in state.tokens:
        if token.children:
            token.children = _tidied(token.children)
            if any(inner.type == "link_open" for inner in token.children):
                for inner in token.children:
                    inner.content = _TURNS.sub("", inner.content)  # it must be seen where a link leads


def _tidied(tokens: list[Token]) -> list[Token]:
    kept: list[Token] = []
    unsafe = ""
    words: list[str] = []
    is_in_link = False
    for token in tokens:
        words.append(token.content)
        if token.type == "image":
            kept.append(_token("text", f"[{token.content or token.attrs.get('src', '')}]"))
        elif token.type == "link_open":
            address, is_in_link, words = str(token.attrs.get("href", "")), True, []
            unsafe = "" if is_safe_link(address) else address
            kept += [] if unsafe else [token]
        elif token.type == "link_close":
            is_in_link = False
            if not unsafe:
                kept.append(token)
            elif unsafe not in "".join(words):
                kept.append(_token("text", f" ({unsafe})"))
        elif token.type == "text" and not is_in_link and "://" in token.content:
            kept += _with_addresses(token.content)
        else:
            kept.append(token)
    return kept


def _with_addresses(text: str) -> list[Token]:
    """Make links of the web addresses in a text."""
    pieces, place = [], 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip("?!.,:;*_~'\"")
        while address.endswith(")") and address.count(")") > address.count("("):
            address = address[:-1]
        if is_safe_link(address):
            pieces += [
                _token("text", text[place : found.start()]),
                _token("link_open", "", 1, {"href": parser().normalizeLink(address)}),
            ]
            pieces += [_token("text", address), _token("link_close", "", -1)]
            place = found.start() + len(address)
    return [*pieces, _token("text", text[place:])]


def _token(kind: str, content: str, nesting: Any = 0, attributes: dict[str, str | int | float] | None = None) -> Token:
    from markdown_it.token import Token

    tag = "a" if kind.startswith("link") else ""
    return Token(kind, tag, nesting, content=content, attrs=attributes or {})
