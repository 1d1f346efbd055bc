"""Exports the shown branch of a conversation as Markdown, self-contained HTML or JSON.

JSON comes back in with `importing.from_json`. Notes of the program ("model changed") stay out of all three.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from desktop_app.chat.conversation import Message, Picture, Role

FORMAT, VERSION = "eyebright-conversation", 1
SPEAKERS = {Role.USER: "Question", Role.ASSISTANT: "Answer"}  # the window gives translated ones

PictureBytes = Callable[[str], bytes | None]  # by SHA-256; None if there is no such file any more

# By their first bytes. Nothing that could hold a script, such as SVG, is among them.
_SHOWN_BY_BROWSERS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)

_MARKDOWN_SIGNS = re.compile(r"([\\`*_\[\]<>&~|$])|^(\s*)([#+=-]|\d+(?=[.)]))", re.MULTILINE)
_INDENT = re.compile("^[ \t]+", re.MULTILINE)  # which would make code of a question
_BREAK = re.compile("(?<=[^\n])\n(?=[^\n])")

_PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1em/1.5 system-ui, sans-serif; max-width: 44em; margin: 2em auto; padding: 0 1em; }}
section {{ margin: 1.5em 0; }}
h2 {{ font-size: 0.85em; margin: 0; opacity: 0.7; }}
div {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
figure {{ margin: 0.5em 0; }}
img {{ max-width: 100%; max-height: 30em; }}
figcaption, footer {{ font-size: 0.85em; opacity: 0.7; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1 dir="auto">{title}</h1>
{sections}
<footer>{day}</footer>
</body>
</html>
"""


def to_markdown(title: str, messages: Iterable[Message], speakers: Mapping[Role, str] = SPEAKERS) -> str:
    """Return the path as Markdown. Answers are Markdown already; questions are made to look as typed."""
    parts = [f"# {_plain(' '.join(title.split()))}"]
    for message in _spoken(messages):
        parts.append(f"## {speakers[message.role]}")
        parts += [f"*{_plain(picture.name)} ({picture.width} × {picture.height})*" for picture in message.pictures]
        text = message.text.strip()
        parts.append(_as_typed(text) if message.role is Role.USER else text)
    return "\n\n".join(part for part in parts if part) + "\n"


def to_html(
    title: str, messages: Sequence[Message], picture: PictureBytes, speakers: Mapping[Role, str] = SPEAKERS
) -> str:
    """Return the path as one page that loads nothing and runs nothing; `picture` gives PNG, JPEG, GIF or WebP."""
    sections = [
        "<section>\n"
        f"<h2>{escape(speakers[message.role])}</h2>\n"
        + "".join(_figure(shown, picture(shown.sha256)) for shown in message.pictures)
        + f'<div dir="auto">{escape(message.text.strip())}</div>\n</section>'
        for message in _spoken(messages)
    ]
    day = time.strftime("%Y-%m-%d", time.localtime(messages[0].created)) if messages else ""
    return _PAGE.format(title=escape(title), sections="\n".join(sections), day=day)


def to_json(title: str, messages: Sequence[Message], picture: PictureBytes) -> str:
    """Return the path with all its pictures as JSON; `picture` gives the original bytes."""
    shown = {shown.sha256: picture(shown.sha256) for message in messages for shown in message.pictures}
    content = {
        "format": FORMAT,
        "version": VERSION,
        "title": title,
        "messages": [_record(message) for message in _spoken(messages)],
        "pictures": {sha256: base64.b64encode(data).decode() for sha256, data in shown.items() if data is not None},
    }
    return json.dumps(content, indent=1) + "\n"


def _spoken(messages: Iterable[Message]) -> list[Message]:
    return [message for message in messages if message.role is not Role.NOTE]


def _plain(text: str) -> str:
    """Return Markdown that shows `text` as it is."""
    return _MARKDOWN_SIGNS.sub(lambda sign: f"\\{sign[1]}" if sign[1] else _line_start(sign[2], sign[3]), text)


def _as_typed(text: str) -> str:
    indented = _INDENT.sub(lambda indent: "\u00a0" * len(indent[0]), _plain(text))
    return _BREAK.sub(lambda _: "\\\n", indented)


def _line_start(space: str, sign: str) -> str:
    # A number makes a list only with what follows it, which is escaped instead.
    return f"{space}{sign}\\" if sign.isdigit() else f"{space}\\{sign}"


def _figure(picture: Picture, data: bytes | None) -> str:
    kind = next((kind for start, kind in _SHOWN_BY_BROWSERS if data and start.match(data)), None)
    shown = ""
    if data and kind:
        encoded = base64.b64encode(data).decode()
        shown = f'<img src="data:{kind};base64,{encoded}" alt="{escape(picture.name)}">'
    return f'<figure>{shown}<figcaption dir="auto">{escape(picture.name)}</figcaption></figure>\n'


def _record(message: Message) -> dict[str, Any]:
    return {
        "role": message.role.value,
        "text": message.text,
        "state": message.state.value,
        "created": message.created,
        "details": message.details,
        "pictures": [
            {"sha256": shown.sha256, "name": shown.name, "width": shown.width, "height": shown.height}
            for shown in message.pictures
        ],
    }
