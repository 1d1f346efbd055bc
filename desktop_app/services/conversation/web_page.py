"""Exports the shown branch of a conversation as one web page that loads nothing and runs nothing.

Answers are laid out from their Markdown. HTML in them is shown as text, pictures become their description,
and a link leads nowhere but to the web or to a mail.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from desktop_app.chat.conversation import Message, Picture, Role
from desktop_app.chat.exporting import SPEAKERS, PictureBytes, no_remark, speaker, spoken
from desktop_app.markdown.html import to_html as laid_out
from desktop_app.markdown.limits import can_be_laid_out

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
:root {{ --keyword: #7A3E9D; --name: #1F5FA8; --string: #2C6B3F; --number: #9A4A00; --comment: #625C53; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --keyword: #C9A6EE; --name: #8DBBF2; --string: #9CCB9A; --number: #E8AE74; --comment: #ABA397; }}
}}
.keyword {{ color: var(--keyword); }} .name {{ color: var(--name); }} .string {{ color: var(--string); }}
.number {{ color: var(--number); }} .comment {{ color: var(--comment); }}
math[display="block"] {{ overflow-x: auto; }}
li.task {{ list-style: none; margin-inline-start: -1.4em; }}
th, td {{ padding: 0.3em 0.6em; text-align: start; border-radius: 0; }}
blockquote {{ margin-inline: 0; padding-inline-start: 1em; border-inline-start: 3px solid; opacity: 0.8; }}
figure {{ margin: 0.5em 0; }}
img {{ max-width: 100%; max-height: 30em; outline: 1px solid color-mix(in srgb, currentColor 35%, transparent); }}
figcaption, footer, .remark {{ font-size: 0.85em; opacity: 0.7; overflow-wrap: anywhere; }}
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
    title: str,
    messages: Sequence[Message],
    picture: PictureBytes,
    speakers: Mapping[Role, str] = SPEAKERS,
    remark: Callable[[Message], str] = no_remark,
) -> Iterator[str]:
    """Yield the page, one message after the other; `picture` gives PNG, JPEG, GIF or WebP.

    `remark` returns what is said below a message.
    """
    yield _BEGINNING.format(title=escape(title))
    for message in spoken(messages):
        yield f"<section>\n<h2>{escape(speaker(message, speakers))}</h2>\n"
        yield from (_figure(shown, picture(shown.sha256)) for shown in message.pictures)
        said = remark(message)
        yield f"{_words(message)}\n"
        yield f'<p class="remark" dir="auto">{escape(said)}</p>\n' if said else ""
        yield "</section>\n"
    day = time.strftime("%Y-%m-%d", time.localtime(messages[0].created)) if messages else ""
    yield _END.format(day=day)


def _words(message: Message) -> str:
    text = message.text.strip()
    if message.role is Role.USER or not can_be_laid_out(text):
        return f'<div class="typed" dir="auto">{escape(text)}</div>'
    return f'<div dir="auto">\n{laid_out(text, message.id)}</div>'


def _figure(picture: Picture, data: bytes | None) -> str:
    kind = next((kind for start, kind in _SHOWN_BY_BROWSERS if data and start.match(data)), None)
    shown = ""
    if data and kind:
        encoded = base64.b64encode(data).decode()
        shown = f'<img src="data:{kind};base64,{encoded}" alt="{escape(picture.name)}">'
    return f'<figure>{shown}<figcaption dir="auto">{escape(picture.name)}</figcaption></figure>\n'
