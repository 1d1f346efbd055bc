"""A translation that is made as CONTRIBUTING.md says is what the whole window speaks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from desktop_app import paths
from desktop_app.services.examples import EXAMPLES
from model_store.catalogue import load_catalogue
from tests.helpers.paths import REPOSITORY
from tests.helpers.watched_program import run_watched

TOOLS = Path(sys.executable).parent
_SIZE = re.compile(r"\W*[\d.,]+\W[kMG]B")  # as the language of the system writes it
pytestmark = pytest.mark.skipif(not (TOOLS / "pyside6-lupdate").exists(), reason="lupdate is not installed")

# The program runs by itself; only the loop of Qt is watched. Its resources are those with the translation.
_WATCHED = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QMainWindow, QPlainTextEdit, QWidget
from desktop_app import paths

resources = Path(sys.argv.pop())
paths.resources_folder = lambda: resources
execute = QApplication.exec
timer = QTimer(interval=50)

def watched(*_application):
    timer.timeout.connect(look)
    timer.start()
    return execute()

def look():
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
    if window.services.engine.state() != "ready":
        return
    timer.stop()
    window.dialogs.open_settings()
    window.dialogs.open_models()
    for action in window.menus.actions:
        print(action.text())
    for widget in QApplication.allWidgets():
        if isinstance(widget, (QAbstractButton, QLabel)):
            print(widget.text().replace(chr(10), " "))
        if isinstance(widget, QPlainTextEdit):
            print(widget.placeholderText())
        print(widget.toolTip().replace(chr(10), " "))
    window.close()

QApplication.exec = watched
from desktop_app.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    """The program's resources, and a translation in which each text stands in brackets."""
    folder = tmp_path / "resources"
    (folder / "translations").mkdir(parents=True)
    for path in paths.resources_folder().iterdir():
        if path.name != "translations":
            (folder / path.name).symlink_to(path)
    source = folder / "translations" / "eyebright_de.ts"
    extract: list[str | Path] = [
        TOOLS / "pyside6-lupdate",
        "-extensions",
        "py",
        "desktop_app",
        "model_store",
        "-ts",
        source,
    ]
    subprocess.run(extract, cwd=REPOSITORY, check=True, capture_output=True, timeout=100)
    tree = ElementTree.parse(source)
    for message in tree.iter("message"):
        translation = message.find("translation")
        assert translation is not None
        translation.attrib.pop("type", None)
        translation.text = f"[{message.findtext('source', '')}]"
    tree.write(source, "utf-8", xml_declaration=True)
    release: list[str | Path] = [TOOLS / "pyside6-lrelease", source, "-qm", source.with_suffix(".qm")]
    subprocess.run(release, check=True, capture_output=True, timeout=100)
    return folder


def test_every_text_is_translated(tmp_path: Path, resources: Path) -> None:
    environment = {**os.environ, "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}
    texts = set(run_watched(_WATCHED, str(resources), folder=tmp_path, environment=environment))
    assert len([text for text in texts if "[" in text]) > 50
    # The built-in model understands English only, and so its examples are English.
    names = {"Eyebright", "Eyebright tiny", *(example.question for example in EXAMPLES)}
    for model in load_catalogue(paths.resources_folder() / "catalogue.toml"):
        names |= {model.title, model.sentence, model.published.source}
    left = {text for text in texts - names if any(map(str.isalpha, text)) and "[" not in text}
    assert {text for text in left if not _SIZE.fullmatch(text)} == set()
