"""Typesets a formula as a drawing of lines and curves, with ziamath and its own font.

ziamath's time doubles with each level of nesting, and it cannot be stopped. So what is long or deeply nested is
refused before, and shown as it was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree import ElementTree

SIZE = 15  # px of the letters in a drawing
COLOUR = "#010203"  # stands in a drawing for the colour of the text
_LONGEST = 400  # characters: some 150 ms
_DEEPEST = 5  # levels; what grows counts twice
_LARGEST = 4_000  # px
_MOST_DEAR = 2
_GROWING = (
    r"x(?:hook|twohead|long)?(?:left|right|Left|Right|mapsto|tofrom|equal)[a-z]*|[hv]?phantom|bra|ket|braket"
    r"|(?:math)?[lrc]lap|mathinner|vcenter|smash|shove(?:left|right)|overrightarrow"
)
_ALWAYS_GROWING = (
    r"[pbvBV]?matrix|smallmatrix|array|cases|split|align|eqalign(?:no)?|displaylines|substack|sideset"
    r"|raise|lower|move(?:left|right)|href"
)
_BRACE = r"\s*(?:\[[^][{}]*\]\s*)?\{"  # or brackets and a brace
# Each of these in a row takes several times as long as the one before: always, or unless a brace tells its end.
_DEAR = re.compile(rf"\\(?:(?:{_ALWAYS_GROWING})(?![a-zA-Z])|(?:{_GROWING})(?![a-zA-Z]|{_BRACE}))")
_OPENS = re.compile(rf"\\(?:{_GROWING}){_BRACE}|\\(?:[a-zA-Z]+|.)|[{{}}]", re.DOTALL)
_DEEPER = {"{": 1, "}": -1, "\\left": 1, "\\right": -1, "\\begin": 1, "\\end": -1}
_ENVIRONMENT = re.compile(r"\\(begin|end)\{([a-zA-Z]+)\*?\}")
# What latex2mathml calls environments; it shows the signs of those it does not know, and numbers lines.
_ENVIRONMENTS = {
    **{name: name for name in ("array", "cases", "split")},
    **{name: name for name in ("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix")},
    "align": "split",
    "aligned": "split",
    "gathered": "matrix",
    "gather": "matrix",
}
# Nothing but these is drawn, or written into a page.
_DRAWN = {"svg", "symbol", "path", "use", "rect", "line", "g"}
_MATHML = frozenset(
    [
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "mtext",
        "mspace",
        "ms",
        "mfrac",
        "msqrt",
        "mroot",
        "mstyle",
        "merror",
        "mpadded",
        "mphantom",
        "mfenced",
        "menclose",
        "msub",
        "msup",
        "msubsup",
        "munder",
        "mover",
        "munderover",
        "mmultiscripts",
        "mtable",
        "mtr",
        "mtd",
        "maligngroup",
        "malignmark",
    ]
)
_KEPT_ATTRIBUTES = frozenset(
    [
        "display",
        "mathvariant",
        "stretchy",
        "fence",
        "separator",
        "form",
        "accent",
        "accentunder",
        "columnalign",
        "rowspacing",
        "columnspacing",
        "linethickness",
        "displaystyle",
        "scriptlevel",
        "minsize",
        "maxsize",
        "lspace",
        "rspace",
        "width",
        "height",
        "depth",
        "movablelimits",
    ]
)
_LENGTHS = frozenset(
    [
        *("width", "height", "depth", "minsize", "maxsize", "lspace", "rspace"),
        *("linethickness", "rowspacing", "columnspacing"),
    ]
)
# Longer ones would cover the page around a formula; those below nothing are the small ones that LaTeX has.
_SENSIBLE = re.compile(r"\+?\d?(\.\d+)?(em|ex|cm|in)|\+?\d{1,2}(\.\d+)?(px|pt|mm|mu)|-0?\.\d+em|-\dmu|0|[a-z]+")


@dataclass(frozen=True)
class Drawing:
    """A formula as SVG. Sizes are px for letters of `SIZE` px; the baseline is `ascent` below the top."""

    svg: str
    width: float
    height: float
    ascent: float


def typeset(source: str, display: bool) -> Drawing | None:
    """Return the drawing of a formula in LaTeX, or None: it is shown as it was written."""
    if not _is_reasonable(source):
        return None
    source = _understood(source)
    from xml.etree import ElementTree

    from ziamath.config import config
    from ziamath.zmath import Latex

    try:
        config.svg2 = False
        formula = Latex(source, size=SIZE, color=COLOUR, inline=not display)
        tree = formula.svgxml()
    except Exception:  # of many kinds, for what ziamath and latex2mathml do not understand
        return None
    if any(_name(element) not in _DRAWN for element in tree.iter()):
        return None
    _left, top, width, height = (float(number) for number in tree.attrib["viewBox"].split())
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        return None
    return Drawing(ElementTree.tostring(tree, encoding="unicode"), width, height, -top)


def to_mathml(source: str, display: bool) -> str:
    """Return MathML of a formula for a web page, or nothing if there is none."""
    if not _is_reasonable(source):
        return ""
    from xml.etree import ElementTree

    from latex2mathml.converter import convert

    try:
        tree = ElementTree.fromstring(convert(_understood(source), display="block" if display else "inline"))
    except Exception:  # of many kinds, as above
        return ""
    ElementTree.register_namespace("", "http://www.w3.org/1998/Math/MathML")
    for element in tree.iter():
        if _name(element) not in _MATHML:
            return ""
        for attribute in set(element.attrib) - _KEPT_ATTRIBUTES:
            del element.attrib[attribute]
        for attribute in _LENGTHS & set(element.attrib):
            if not all(map(_SENSIBLE.fullmatch, element.attrib[attribute].split())):
                del element.attrib[attribute]
    tree.set("alttext", source)
    return ElementTree.tostring(tree, encoding="unicode")


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _understood(source: str) -> str:
    return _ENVIRONMENT.sub(lambda found: f"\\{found[1]}{{{_ENVIRONMENTS[found[2]]}}}", source)


def _is_reasonable(source: str) -> bool:
    if len(source) > _LONGEST or any(found[2] not in _ENVIRONMENTS for found in _ENVIRONMENT.finditer(source)):
        return False
    if len(_DEAR.findall(source)) > _MOST_DEAR:
        return False
    opened: list[int] = []
    for mark in _OPENS.findall(source):
        step = _DEEPER.get(mark, 2 if len(mark) > 2 and mark.endswith("{") else 0)
        if step > 0:
            opened.append(step)
        elif step < 0 and (not opened or not opened.pop()):
            return False
        if sum(opened) > _DEEPEST:
            return False
    return not opened
