"""Formulas become drawings of lines and curves, or stay as they were written."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest
from latex2mathml import commands

from desktop_app.markdown.typesetting import COLOUR, to_mathml, typeset


@pytest.mark.parametrize(
    "source",
    [
        r"E = mc^2",
        r"\frac{a_1 b}{c\,d}",
        r"\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}",
        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
        r"\begin{cases} 1 & x>0 \\ 0 & \text{else}\end{cases}",
        r"\begin{align*} a &= b \\ &= c \end{align*}",
        r"\begin{gathered} a \\ b \end{gathered}",
        r"\sum_{\substack{i<n \\ j<m}} \bra{\psi}\ket{\phi}\bra{a_{x}}\ket{b} \xrightarrow[a]{b} \xrightarrow{c} x",
        r"\begin{aligned} a &= b \\ &= c \end{aligned}",
    ],
)
def test_formulas_of_models_are_drawn(source: str) -> None:
    drawing = typeset(source, display=False)
    assert drawing is not None
    assert 0 < drawing.ascent < drawing.height
    names = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(drawing.svg).iter()}
    assert names <= {"svg", "symbol", "path", "use", "rect", "line", "g"}
    assert COLOUR in drawing.svg
    assert "href" not in drawing.svg
    assert ">&amp;<" not in to_mathml(source, display=True)
    assert ElementTree.fromstring(to_mathml(source, display=True)).get("alttext") == source


@pytest.mark.parametrize(
    "source",
    [
        *(r"\frac{", "}", r"\begin{x}", "x" * 401, r"\frac{1}{" * 30 + "x" + "}" * 30, "{" * 200 + "}" * 200),
        *(r"\left(" * 30 + r"\right)" * 30, "^" * 50, "&" * 50, "\x00", "\ud800"),
    ],
)
def test_others_are_refused_at_once(source: str) -> None:
    began = time.process_time()
    typeset(source, display=True)
    to_mathml(source, display=True)
    assert time.process_time() - began < 10


def test_the_worst_that_is_accepted_takes_no_time() -> None:
    typeset("x", display=True)  # what is read once
    for source in (
        r"\frac{1}{" * 5 + "x" + "}" * 5,
        "a+" * 99 + "b",
        r"\sqrt{" * 5 + "x" + "}" * 5,
        "x^{y" * 5 + "}" * 5,
    ):
        began = time.process_time()
        assert typeset(source, display=True) is not None
        assert time.process_time() - began < 3


def _commands() -> list[str]:
    """Return all commands that latex2mathml knows."""
    words = [
        word for value in vars(commands).values() for word in ([value] if isinstance(value, str) else _texts(value))
    ]
    return sorted({word for word in words if re.fullmatch(r"\\[a-zA-Z]+", word)})


def _texts(value: object) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, (tuple, list, dict, set)) else []


@pytest.mark.parametrize("form", [r"{} ", "{}1"])
def test_no_command_in_a_row_takes_long(form: str) -> None:
    typeset("x", display=True)
    assert len(_commands()) > 250
    for command in _commands():
        began = time.process_time()
        typeset(form.format(command) * 9 + " x", display=True)
        assert time.process_time() - began < 5, command


@pytest.mark.parametrize("command", [r"\xrightarrow", r"\xrightarrow[a]", r"\phantom", r"\bra"])
def test_no_nesting_of_the_dear_commands_takes_long(command: str) -> None:
    for depth in (2, 3, 5):
        began = time.process_time()
        typeset(f"{command}{{" * depth + command * 2 + " x" + "}" * depth, display=True)
        assert time.process_time() - began < 5


def test_a_page_gets_no_lengths_that_cover_it() -> None:
    for source in (
        r"\rule{99999999em}{99999999em}",
        r"a\hspace{-5000em}b",
        r"a\hspace{500cm}b",
        r"\genfrac(){9999pt}{0}{a}{b}",
    ):
        written = re.sub(r'alttext="[^"]*"|http:\S+"', "", to_mathml(source, display=True))
        assert written
        assert "99" not in written
        assert "00" not in written
    assert 'width="1em"' in to_mathml(r"a\quad b", display=True)
    assert 'width="2cm"' in to_mathml(r"a\hspace{2cm} b", display=True)


@pytest.mark.parametrize("source", [r"\href{javascript:alert(1)}{x}", r"\style{color:url(x)}{y}", r"\class{z}{a}"])
def test_a_page_gets_nothing_that_leads_elsewhere(source: str) -> None:
    tree = ElementTree.fromstring(to_mathml(source, display=False))
    assert tree.attrib.pop("alttext") == source
    rest = ElementTree.tostring(tree, encoding="unicode")
    assert not any(word in rest for word in ("javascript", "url(", "href", "style=", "class="))
