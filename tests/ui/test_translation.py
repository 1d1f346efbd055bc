"""`pyside6-lupdate` finds every text that the window translates, in the context in which it is looked up."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.helpers.imports import sources
from tests.helpers.paths import REPOSITORY

PROGRAM = Path(sys.executable).with_name("pyside6-lupdate")


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """(context, text), as a translator gets them."""
    if not PROGRAM.exists():
        pytest.skip("this PySide6 has no pyside6-lupdate")
    file = tmp_path_factory.mktemp("translations") / "eyebright_de.ts"
    command = [str(PROGRAM), "-extensions", "py", "desktop_app", "model_store", "-ts", str(file)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return {
        (context.findtext("name") or "", message.findtext("source") or "")
        for context in ElementTree.parse(file).iter("context")
        for message in context.iter("message")
    }


def translated() -> Iterator[tuple[str, str | None, str]]:
    """Every call that translates a constant text: where, its context (None: that of its class), the text."""
    for path in sources("desktop_app", "model_store"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            words = [word.value for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
            place = f"{path.relative_to(REPOSITORY)}:{node.lineno}"
            if name.lstrip("_") == "tr" and words:
                yield place, None, words[0]
            elif name in {"translate", "QT_TRANSLATE_NOOP"} and len(words) > 1:
                yield place, words[0], words[1]


def test_every_text_reaches_the_translator(extracted: set[tuple[str, str]]) -> None:
    in_classes = {text for context, text in extracted if context}
    missed = [
        f"{place}: {text}"
        for place, context, text in translated()
        if (text not in in_classes if context is None else (context, text) not in extracted)
    ]
    assert missed == []


def test_every_text_has_a_context(extracted: set[tuple[str, str]]) -> None:
    """A text outside a class needs `translate` with a context: `tr` by itself has none."""
    assert [text for context, text in extracted if not context] == []
