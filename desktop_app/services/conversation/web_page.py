"""Exports the shown branch of a conversation as one web page that loads nothing and runs nothing.

Answers are laid out from their Markdown. HTML in them is shown as text, pictures become their description,
and a link leads nowhere but to the web or to a mail.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from desktop_app.chat.conversation import Message, Picture, Role
from desktop_app.chat.exporting import SPEAKERS, PictureBytes, speaker, spoken
from desktop_app.chat.markdown_limits import DEEPEST, can_be_laid_out
from desktop_app.services.conversation.markdown_source import LINE_END, prepare

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_SAFE_LINK = re.compile(r"(https?|mailto):", re.IGNORECASE)

# By their first bytes. Nothing that could hold a script, such as SVG, is among them.
_SHOWN_BY_BROWSERS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)

_BEGINNING = """<!DOCTYPE html>
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
div {{ overflow-wrap: anywhere; }}
.typed {{ white-space: pre-wrap; }}
pre {{ padding: 0.8em; overflow-x: auto; background: color-mix(in srgb, currentColor 7%, transparent); }}
code {{ font-family: ui-monospace, monospace; font-size: 0.92em; }}
pre, th, td {{ border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 4px; }}
table {{ display: block; overflow-x: auto; border-collapse: collapse; }}
th, td {{ padding: 0.3em 0.6em; text-align: start; border-radius: 0; }}
blockquote {{ margin-inline: 0; padding-inline-start: 1em; border-inline-start: 3px solid; opacity: 0.8; }}
figure {{ margin: 0.5em 0; }}
img {{ max-width: 100%; max-height: 30em; outline: 1px solid color-mix(in srgb, currentColor 35%, transparent); }}
figcaption, footer {{ font-size: 0.85em; opacity: 0.7; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1 dir="auto">{title}</h1>
"""
_END = """<footer>{day}</footer>
</body>
</html>
"""


def to_html(
    title: str, messages: Sequence[Message], picture: PictureBytes, speakers: Mapping[Role, str] = SPEAKERS
) -> Iterator[str]:
    """Yield the page, one message after the other; `picture` gives PNG, JPEG, GIF or WebP."""
    yield _BEGINNING.format(title=escape(title))
    for message in spoken(messages):
        yield f"<section>\n<h2>{escape(speaker(message, speakers))}</h2>\n"
        yield from (_figure(shown, picture(shown.sha256)) for shown in message.pictures)
        yield f"{_words(message)}\n</section>\n"
    day = time.strftime("%Y-%m-%d", time.localtime(messages[0].created)) if messages else ""
    yield _END.format(day=day)


def _words(message: Message) -> str:
    text = message.text.strip()
    if message.role is Role.USER or not can_be_laid_out(text):
        return f'<div class="typed" dir="auto">{escape(text)}</div>'
    laid_out = _markdown().render(prepare(text)).replace(f" {LINE_END}", "")
    return f'<div dir="auto">\n{laid_out}</div>'


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # needed for an export only

    nesting = 5 * DEEPEST  # a level of a list counts four times
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": nesting})
    made.enable(["table", "strikethrough"])
    made.add_render_rule("image", _described)
    made.add_render_rule("text", _spaced)
    made.validateLink = lambda url: _SAFE_LINK.match(url) is not None  # type: ignore[method-assign]
    return made


def _described(_renderer: Any, tokens: Sequence[Any], index: int, _options: Any, _env: Any) -> str:
    return escape(tokens[index].content)


def _spaced(_renderer: Any, tokens: Sequence[Any], index: int, _options: Any, _env: Any) -> str:
    """Return words whose columns stay columns: browsers make one of several spaces."""
    return escape(tokens[index].content).replace("  ", "\u00a0 ")


def _figure(picture: Picture, data: bytes | None) -> str:
    kind = next((kind for start, kind in _SHOWN_BY_BROWSERS if data and start.match(data)), None)
    shown = ""
    if data and kind:
        encoded = base64.b64encode(data).decode()
        shown = f'<img src="data:{kind};base64,{encoded}" alt="{escape(picture.name)}">'
    return f'<figure>{shown}<figcaption dir="auto">{escape(picture.name)}</figcaption></figure>\n'
