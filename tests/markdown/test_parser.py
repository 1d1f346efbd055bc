"""What the parser finds in answers, and what it never loses."""

from __future__ import annotations

import time
from typing import Any

import pytest

from desktop_app.markdown.html import to_html
from desktop_app.markdown.limits import can_be_laid_out
from desktop_app.markdown.parser import parse


def words(text: str) -> list[tuple[str, str]]:
    """The parts of all lines of words."""
    tokens: Any = parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    return [(child.type, child.content) for child in inline if child.content or child.type != "text"]


def found(text: str) -> list[str]:
    tokens: Any = parse(text)
    every = [inner for token in tokens for inner in (token, *(token.children or ()))]
    return [token.content for token in every if token.type == "formula"]


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("$x$ and $a = b$ and $E=mc^2$, $f(x)$.", ["x", "a = b", "E=mc^2", "f(x)"]),
        (r"\(\pi r^2\) and \[a*b*c\] and $$a_1 * b_1$$", [r"\pi r^2", "a*b*c", "a_1 * b_1"]),
        ("Area\n\\[\nx_1 * y\n= 3\n\\]\nmore", ["x_1 * y\n= 3"]),
        ("- item\n  $$\n  a\n  $$\n- b", ["a"]),
        ("> $$\n> a\n> $$", ["a"]),
        ("| a |\n|---|\n| $x^2$ |", ["x^2"]),
        ("It costs $5 and $10, not $10_000.", []),
        ("From $5-$10 or US$5 and C$7, $5/$6", []),
        ("$HOME/$USER and $PATH: $A", []),
        ("`$x$` and \\$x\\$", []),
        ("```\n$$\na\n$$\n```", []),
        ("\\[ not closed", []),
        ("$$ $$ and \\(\\)", []),
    ],
)
def test_formulas_are_found_and_prices_are_none(text: str, formulas: list[str]) -> None:
    assert found(text) == formulas


def test_lines_columns_and_latex_stay() -> None:
    assert words("a\n  b\\% \\{") == [("text", "a"), ("hardbreak", ""), ("text", "\u00a0\u00a0b\\% \\{")]
    assert words("`co\nde`") == [("code_inline", "co\nde")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![a *cat*](https://evil.test/p.png)", "[a *cat*]"),
        ("![](p.png)", "[p.png]"),
        ("[one](javascript:alert(1))", "one (javascript:alert(1))"),
        ("[one](/etc/passwd)", "one (/etc/passwd)"),
        ("<vbscript:x>", "vbscript:x"),
        ("[f](file:///etc/passwd)", "f (file:///etc/passwd)"),
        ("<b>x</b>", "<b>x</b>"),
    ],
)
def test_nothing_leads_elsewhere_than_to_the_web(text: str, shown: str) -> None:
    tokens: Any = parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} == {"text"}
    assert "".join(child.content for child in inline) == shown


def test_bare_addresses_are_links() -> None:
    text = 'See https://example.org/a_b(c)?d=e, (http://example.org). xhttps://no.org "https://no.org" `https://no.org`'
    tokens: Any = parse(text)
    links = [child.attrs["href"] for child in tokens[1].children if child.type == "link_open"]
    assert links == ["https://example.org/a_b(c)?d=e", "http://example.org"]
    assert "".join(child.content for child in tokens[1].children).replace("`", "") == text.replace("`", "")


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("https://example.org/\u202egnp.exe", "https://example.org/%E2%80%AEgnp.exe", "https://example.org/gnp.exe"),
        ("https://ex\u2066ample.org", "https://xn--example-ul7c.org", "https://example.org"),
        ("<https://example.org/\u202ea>", "https://example.org/%E2%80%AEa", "https://example.org/a"),
        ("[https://a.b\u202e](https://c.d)", "https://c.d", "https://a.b"),
        ("see \u202e**https://moc.elgoog**", "https://moc.elgoog", "see https://moc.elgoog"),
        (
            "https://example.org/a[1]?b=%20|ü",
            "https://example.org/a%5B1%5D?b=%20%7C%C3%BC",
            "https://example.org/a[1]?b=%20|ü",
        ),
    ],
)
def test_a_link_is_shown_in_the_direction_of_its_address(text: str, address: str, shown: str) -> None:
    tokens: Any = parse(text)
    inline = tokens[1].children
    assert [child.attrs["href"] for child in inline if child.type == "link_open"] == [address]
    assert "".join(child.content for child in inline) == shown
    assert not set(to_html(text)) & {"\u202e", "\u2066"}


def test_words_without_a_link_keep_their_direction() -> None:
    assert words("a \u2067b\u2069") == [("text", "a \u2067b\u2069")]


def test_tasks_and_footnotes() -> None:
    tokens: Any = parse("- [x] done\n- [ ] open\n- [y] no[^1]\n\n[^1]: said\n[^2]: never referred to")
    assert [token.meta.get("checked") for token in tokens if token.type == "list_item_open"] == [True, False, None]
    shown = "".join(child.content for token in tokens for child in token.children or ())
    assert shown == "doneopen[y] nosaidnever referred to"


@pytest.mark.parametrize(
    "text",
    [
        *("$" * 100_000, "\\(" * 50_000, "$$a " * 30_000, "$a_" * 30_000, "$$\n" * 40_000, "\\[\n" * 40_000),
        *(
            "www." * 40_000,
            "a@" * 50_000,
            "http:" * 30_000,
            "https://a " * 15_000,
            "[^a]" * 40_000,
            "[^a]: x\n" * 4_000,
        ),
        *("*a " * 60_000, "~~a" * 60_000, "`a ``b " * 20_000, "- [ ] a\n" * 5_000, "<a@" * 40_000, "![a](b)" * 20_000),
        *("[" * 200_000, "> " * 20_000, "* " * 80_000),
    ],
)
def test_nothing_takes_long(text: str) -> None:
    began = time.process_time()
    parse(text)
    assert time.process_time() - began < 15


def test_a_list_of_tens_of_thousands_of_lines_is_not_laid_out() -> None:
    assert can_be_laid_out("- x\n" * 15_000)
    assert parse("- x\n" * 50_000) is None
    assert to_html("- x\n" * 50_000).count("- x") == 50_000


def table(columns: int, rows: int) -> str:
    return "|a" * columns + "|\n" + "|-" * columns + "|\n" + "c|\n" * rows


@pytest.mark.parametrize(
    "text",
    [table(300, 200), table(20, 101), table(5, 100) * 4 + "\n" + table(5, 100), table(1_900, 0), "|-|\n" * 4_000],
)
def test_a_short_text_becomes_no_huge_table(text: str) -> None:
    tokens: Any = parse(text)
    assert sum(token.type in ("th_open", "td_open") for token in tokens) <= 2_000
    shown = "".join(child.content or "\n" for token in tokens for child in token.children or ())
    assert shown.count("c") == text.count("c")


def test_usual_tables_stay_tables() -> None:
    for text in (table(20, 90), table(4, 400), (table(4, 5) + "\n") * 40):
        tokens: Any = parse(text)
        assert sum(token.type == "table_open" for token in tokens) == text.count("|\n|-")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[1]: https://a.b/c\n[2]: https://d.e", "[1]: https://a.b/c\n[2]: https://d.e"),
        ('See [a][1].\n\n[1]: https://a.b\n[2]: https://c.d "Title"', 'See a.[2]: https://c.d "Title"'),
        ("See [1].\n\n[1]: https://a.b\n[1]: https://c.d", "See 1.[1]: https://c.d"),
        ("- [1]: https://a.b\n- ![x][2]\n\n[2]: https://p.q", "[1]: https://a.b[x]"),
        ("> [1]: https://a.b\n\nend", "[1]: https://a.bend"),
        ("|a|b|\n|-|-|\n|1|2|3|*4*|\n|5|6|", "ab12 | 3 | 456"),
        ("So[^1]\n\n[^1]: one\n\n[^1]: two", "So: twoone"),
    ],
)
def test_no_words_vanish(text: str, shown: str) -> None:
    tokens: Any = parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert "".join("\n" if child.type == "hardbreak" else child.content for child in inline) == shown
