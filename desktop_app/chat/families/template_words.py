"""Compares the chat template in a model's file with the words of its family, without executing it.

A template is a program by strangers: it is only taken apart into its string constants and the text outside of its
blocks. What of these holds a special token of the family must be a piece of what the family writes, and each token
with which the family frames messages must be there. So two templates that differ in their tools, or in how they are
programmed, are the same; one with another system prompt, or without the thinking block, is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from desktop_app.chat.prompt import Exchange, Family, Part, PicturePlace, Special, Words, prompt_parts

_MOST = 100_000  # characters; the longest template in circulation has a fifth of that
_BLOCK = re.compile(r"\{[{%#]")
_END = {"{{": r"[-+]?\}\}", "{%": r"[-+]?%\}"}
_STRING = r"""'(?:\\.|[^'\\])*(?:'|\\?\Z)|"(?:\\.|[^"\\])*(?:"|\\?\Z)"""
_INSIDE = {begin: re.compile(rf"(?P<string>{_STRING})|{end}", re.DOTALL) for begin, end in _END.items()}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_OTHER_PLACES = re.compile(r"<\|(?:image|video)_pad\|>")  # where pictures go
_ABOUT_TOOLS = re.compile("tool|function")  # none are offered
_INSTRUCTION = re.compile(r"\bYou are (?!provided)")
_THINKING = re.compile(r"</?think>|<\|channel>|<channel\|>")
_LAST = "add_generation_prompt"  # behind it stands how an answer begins
_LONG = 40  # characters of text outside of blocks that are a sentence, not a label
_HOLE = "\0"  # what differs from one conversation to another


def says_the_same(template: str, family: Family) -> bool:
    """Return whether the words of a chat template are those of `family`, as far as its constants show."""
    if len(template) > _MOST:
        return False
    frame = _frame(family)
    pieces = [_OTHER_PLACES.sub("", piece) for piece in framing_pieces(template, family)]
    if not all(piece in frame for piece in pieces):
        return False
    return all(token in template for token in family.framing_tokens)


def framing_pieces(template: str, family: Family) -> list[str]:
    """Return what a template writes around messages: constants with a special token, and instructions of its own."""
    tokens = family.specials
    found = [text for text, _ in _pieces(template[template.rfind(_LAST) :]) if _THINKING.search(text)]
    for text, outside in _pieces(template):
        sentence = len(text) > _LONG if outside else _INSTRUCTION.search(text) is not None
        if (sentence or any(token in text for token in tokens)) and not _ABOUT_TOOLS.search(text):
            found.append(text)
    return list(dict.fromkeys(found))


def _pieces(template: str) -> Iterator[tuple[str, bool]]:
    """Yield the text outside of blocks (True), without the space around it, and the constants inside (False)."""
    place = 0
    while (begin := _BLOCK.search(template, place)) is not None:
        yield template[place : begin.start()].strip(), True
        if begin.group() == "{#":
            end = template.find("#}", begin.end())
            place = len(template) if end < 0 else end + 2
            continue
        place = len(template)
        for found in _INSIDE[begin.group()].finditer(template, begin.end()):
            if found["string"] is None:
                place = found.end()
                break
            yield _ESCAPED.sub(lambda escaped: _ESCAPES.get(escaped[1], escaped[1]), found["string"][1:-1]), False
    yield template[place:].strip(), True


def _frame(family: Family) -> str:
    """Return all that the family writes around messages, with and without system prompt and thoughts."""
    asked = Exchange(_HOLE, ("picture",), _HOLE)
    last = (Exchange(_HOLE), Exchange(_HOLE, ("picture",)), Exchange(_HOLE, (), _HOLE, thought=_HOLE))
    ways, systems = (family, family.thinking_first), (None, "", _HOLE)
    talks = (prompt_parts(way, [asked, one], system) for way in ways for one in last for system in systems)
    return "\1".join("".join(map(_text, talk)) for talk in talks)


def _text(part: Part) -> str:
    if isinstance(part, Special):
        return "" if part.name in ("bos", "eos") else part.name
    if isinstance(part, Words):
        return part.text
    return "" if isinstance(part, PicturePlace) else part.before + part.text + part.after
