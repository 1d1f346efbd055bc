"""Every text that a person sees is found by lupdate, in the context in which the window looks it up."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection
from pathlib import Path

import pytest

from desktop_app.errors import SENTENCES as ERRORS
from desktop_app.services import notices
from desktop_app.services.conversation.chat import NOTES as CHAT_NOTES
from desktop_app.settings import SETTINGS
from desktop_app.ui.models import phrases
from desktop_app.ui.settings import tuning_row
from model_store.errors import SENTENCES as STORE_ERRORS
from model_store.jobs import NOTES as DOWNLOAD_NOTES
from tests.helpers.imports import sources
from tests.helpers.paths import REPOSITORY

LUPDATE = Path(sys.executable).with_name("pyside6-lupdate")

#: Context -> texts that the window looks up by a code, so that no call names them.
TABLES: list[tuple[str, Collection[str]]] = [
    ("errors", ERRORS.values()),
    ("errors", STORE_ERRORS.values()),
    ("notices", notices.SENTENCES.values()),
    ("notices", notices.LABELS.values()),
    ("notes", CHAT_NOTES.values()),
    ("notes", DOWNLOAD_NOTES.values()),
    ("settings", [setting.help for setting in SETTINGS.values()]),
    ("tuning", tuning_row.PROBLEMS.values()),
    ("Models", phrases.LANGUAGES.values()),
]

Text = tuple[str, str]  # context, English
#: Words of programmers, for which the window has words of every day.
TECHNICAL = re.compile(
    r"\b(checksums?|repack\w*|batch size|sampling|tok/s|verif\w*|keyring"
    r"|prefill|inference|quanti[sz]\w*|weights|builds?|metadata|in place)\b",
    re.IGNORECASE,
)


class _Texts(ast.NodeVisitor):
    """Collects the texts of a module with their contexts at run time, and the calls that lupdate does not see."""

    def __init__(self) -> None:
        self.texts: set[Text] = set()
        self.hidden: list[int] = []  # lines
        self._class = ""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer, self._class = self._class, node.name
        self.generic_visit(node)
        self._class = outer

    def visit_Call(self, node: ast.Call) -> None:
        name, owner = _name_and_owner(node.func)
        words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if name == "tr":
            self.texts.update((self._class, text) for text in words[:1])
            if owner != "self":  # the context would be the class of another object
                self.hidden.append(node.lineno)
        elif name in {"translate", "QT_TRANSLATE_NOOP"} and len(words) >= 2:
            self.texts.add((words[0], words[1]))
        for part in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.visit(part)
        if isinstance(node.func, ast.Attribute):
            self.visit(node.func.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        # Not called: so it gets another name, which lupdate does not know.
        if node.attr in {"tr", "translate"}:
            self.hidden.append(node.lineno)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(isinstance(target, ast.Name) and target.id == "translate" for target in node.targets):
            self.generic_visit(node)


def _name_and_owner(function: ast.expr) -> tuple[str, str]:
    if isinstance(function, ast.Attribute):
        return function.attr, function.value.id if isinstance(function.value, ast.Name) else ""
    return (function.id, "") if isinstance(function, ast.Name) else ("", "")


def _texts_of(source: str) -> _Texts:
    found = _Texts()
    found.visit(ast.parse(source))
    return found


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> set[Text]:
    """What lupdate finds in the program."""
    if not LUPDATE.exists():
        pytest.skip("lupdate is not installed")
    folder = tmp_path_factory.mktemp("lupdate")
    names = [str(path) for path in sources("desktop_app", "model_store")]
    listed = folder / "sources.lst"
    listed.write_text("\n".join(names), encoding="utf-8")
    target = folder / "all.ts"
    subprocess.run([LUPDATE, f"@{listed}", "-ts", target], check=True, capture_output=True, timeout=60)
    return {
        (context.findtext("name", ""), message.findtext("source", ""))
        for context in ElementTree.parse(target).getroot().iter("context")
        for message in context.iter("message")
    }


def test_lupdate_finds_every_text(extracted: set[Text]) -> None:
    missing = []
    for path in sources("desktop_app/ui", "desktop_app/services"):
        found = _texts_of(path.read_text("utf-8"))
        place = path.relative_to(REPOSITORY)
        missing += [f"{place}: {context}: {text!r}" for context, text in sorted(found.texts - extracted)]
        missing += [
            f"{place}:{line}: a text that lupdate does not find, or in another context" for line in found.hidden
        ]
    assert missing == []


@pytest.mark.parametrize(("context", "texts"), TABLES)
def test_lupdate_finds_the_texts_behind_codes(extracted: set[Text], context: str, texts: Collection[str]) -> None:
    assert [text for text in texts if (context, text) not in extracted] == []


def test_the_window_speaks_words_of_every_day(extracted: set[Text]) -> None:
    assert [(context, text) for context, text in sorted(extracted) if TECHNICAL.search(text)] == []


@pytest.mark.parametrize(
    "source",
    [
        "_tr = partial(QCoreApplication.translate, 'Models')",
        "class A:\n    def f(self):\n        tr = self.tr\n        tr('Open')",
        "class A:\n    def f(self, window):\n        window.tr('Open')",
        "def f(tr):\n    tr('Open')",
    ],
)
def test_hidden_texts_are_noticed(source: str) -> None:
    assert _texts_of(source).hidden


def test_texts_are_seen_with_their_contexts() -> None:
    source = "class A:\n    def f(self):\n        self.tr('Open').format()\n        translate('status', 'ready')"
    found = _texts_of(source)
    assert (found.texts, found.hidden) == ({("A", "Open"), ("status", "ready")}, [])
