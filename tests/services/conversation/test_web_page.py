"""An exported page shows questions as typed and answers laid out; it loads nothing and runs nothing."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from desktop_app.chat.conversation import Message, Role, new_id
from desktop_app.services.conversation.web_page import to_html
from tests.chat.test_exporting import BYTES, CAT, GONE, PNG, SCRIPT, TRICKY, conversation

HOSTILE = """<script>alert(1)</script> <img src=x onerror=alert(1)>

<iframe src="https://evil.test"></iframe>

![a *cat*](https://evil.test/p.png) ![][ref]

[one](javascript:alert(1)) [two](data:text/html,x) [three](file:///etc/passwd) [four](//server/share) <vbscript:x>

[good](https://example.org "a title")

[ref]: https://evil.test/q.png
"""


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(title: str, messages: list[Message], *rest: Any) -> str:
    return "".join(to_html(title, messages, *rest))


def answered(text: str) -> str:
    return page_of("Title", [Message(new_id(), Role.ASSISTANT, text)], BYTES.get)


def test_questions_are_text_and_pictures_are_pictures() -> None:
    html = page_of("<i>Title</i> {0}", conversation(), BYTES.get)
    page = Page(html)
    assert TRICKY in page.text
    assert page.text.count("<i>Title</i> {0}") == 2
    assert not {"script", "i", "b", "svg", "a", "link", "iframe"} & set(page.tags)
    assert "model-changed" not in html
    sources = [value or "" for name, value in page.attributes if name == "src"]
    assert [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources] == [PNG, PNG]
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    assert not re.search(r"https?:|url\(", html)
    for picture in (CAT, SCRIPT, GONE):
        assert picture.name in page.text


def test_the_markdown_of_an_answer_is_laid_out() -> None:
    html = answered(
        "# Signs\n\nA **red** one\nbelow\n\n- one\n- two\n\n| a | b |\n|--|--|\n| 1 | 2 |\n\n```py\nx < y\n```"
    )
    page = Page(html)
    assert {"h1", "strong", "br", "ul", "li", "table", "th", "td", "pre", "code"} <= set(page.tags)
    assert "**" not in page.text
    assert "x < y" in page.text


@pytest.mark.parametrize(
    "text",
    [
        "MAIN STREET\nNo parking",
        "Totals:\n    Milk   1.20\n    Bread  2.50",
        r"Area with \{x\}, 50\% off",
        r"No formula: \(\frac{\), and $5 or $10",
    ],
)
def test_the_page_shows_what_the_window_shows(text: str) -> None:
    page = Page(answered(text))
    assert text in page.text.replace("\u00a0", " ")
    assert page.tags.count("br") == text.count("\n")


def test_formulas_are_formulas_of_the_page() -> None:
    page = Page(answered("$x_1^2$ and\n\n\\[\n\\frac{a}{b}\n\\]\n\n" + r"\(\href{javascript:alert(1)}{\text{<i>}}\)"))
    assert page.tags.count("math") == 2
    assert r"\(\href{javascript:alert(1)}{\text{<i>}}\)" in page.text
    assert {"msubsup", "mfrac"} <= set(page.tags)
    assert "i" not in page.tags
    assert [value for name, value in page.attributes if name == "alttext"][:2] == ["x_1^2", r"\frac{a}{b}"]
    assert not any(name in ("href", "style") for name, _ in page.attributes)


def test_code_tasks_and_footnotes_are_laid_out() -> None:
    html = answered("```py\nx = 1 # <b>\n```\n- [x] done\n- [ ] open[^n]\n\n[^n]: note")
    page = Page(html)
    assert '<span class="comment"># &lt;b&gt;</span>' in html
    assert [name for name, _ in page.attributes].count("checked") == 1
    assert page.tags.count("input") == 2
    assert "note" in page.text
    assert all((value or "").startswith("#") for name, value in page.attributes if name == "href")


def test_an_answer_brings_nothing_in() -> None:
    page = Page(answered(HOSTILE))
    assert not {"script", "img", "iframe"} & set(page.tags)
    links = [value for name, value in page.attributes if name in ("href", "src")]
    assert links == ["https://example.org"]
    assert "<script>alert(1)</script>" in page.text
    assert "a *cat*" in page.text
    assert "default-src 'none'" in answered("x")


def test_a_picture_is_bounded_keeps_its_shape_and_has_an_edge() -> None:
    """With both bounds and no size of its own a picture keeps its shape in every browser (CSS 2.2, 10.4)."""
    [rule] = [line for line in answered("x").splitlines() if line.startswith("img {")]
    names = [part.partition(":")[0].strip() for part in rule.removeprefix("img {").rstrip(" }").split(";") if part]
    assert [name for name in names if name] == ["max-width", "max-height", "outline"]


@pytest.mark.parametrize("text", ["x" * 300_000, "> " * 20_000 + "x", "[" * 50_000, "*a " * 30_000])
def test_a_huge_answer_ends(text: str) -> None:
    assert text[-1] in Page(answered(text)).text
    assert len(answered(text)) > len(text)


@pytest.mark.parametrize("mark", [">", "-", "1."])
def test_what_is_nested_deeply_is_not_left_out(mark: str) -> None:
    for depth in (10, 21, 39, 40, 200):
        assert "deepest" in Page(answered(f"{mark} " * depth + "deepest")).text, depth


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 199_000, id="open"),
        pytest.param("![" * 90_000, id="pictures"),
        pytest.param("[" * 99_000 + "]" * 99_000, id="nested"),
        pytest.param(("[" * 100 + "\n\n") * 1_900, id="paragraphs"),
        pytest.param("[" * 50 + "a*b " * 49_000, id="before a long text"),
    ],
)
def test_an_answer_in_which_brackets_are_sought_for_minutes_is_shown_as_it_is(text: str) -> None:
    page = answered(text)
    assert f'<div class="typed" dir="auto">{text.strip()}</div>' in page


def test_brackets_that_people_write_are_laid_out() -> None:
    text = "The interval [0, 1) of `a[i]` is [here](https://example.org/).\n\n" * 2_000
    assert Page(answered(text)).tags.count("a") == 2_000
