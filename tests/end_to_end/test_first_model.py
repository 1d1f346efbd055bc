"""From a new home to a downloaded LLaVA in use, in the real window: three clicks, and no network before the first."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from desktop_app import paths
from tests.end_to_end.watched_program import run_watched
from tests.helpers.fake_hub import FakeHub

# The program runs by itself, with a catalogue of one model; only the loop of Qt is watched, and what is seen clicked.
_WATCHED = """
import sys
from pathlib import Path
from PySide6.QtCore import QElapsedTimer, QTimer, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow, QPushButton
from desktop_app import paths

resources = Path(sys.argv.pop())
paths.resources_folder = lambda: resources
wanted = ["Download", "Accept and download", "Use it now"]
execute = QApplication.exec
waited = QElapsedTimer()
timer = QTimer(interval=50)

def watched(*_application):
    waited.start()
    timer.timeout.connect(look)
    timer.start()
    return execute()

def look():
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
    info = window.services.engine.info()
    buttons = [each for each in QApplication.allWidgets() if isinstance(each, QPushButton) and each.isEnabled()]
    seen = [each for each in buttons if each.text() in wanted[:1] and not each.visibleRegion().isEmpty()]
    if seen:
        print(wanted.pop(0))
        # Not from here: no timer fires again before its slot returns, and a question returns when it is answered.
        QTimer.singleShot(0, lambda: QTest.mouseClick(seen[0], Qt.MouseButton.LeftButton))
    elif (not wanted and info is not None and not info.is_demo) or waited.elapsed() > 20_000:
        timer.stop()
        print("in use" if info is not None and info.model.startswith(str(paths.models_folder(""))) else "not in use")
        window.close()

QApplication.exec = watched
from desktop_app.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    """The program's resources; in the catalogue LLaVA-1.5-7B alone, in its place the built-in model's files."""
    folder = tmp_path / "resources"
    folder.mkdir()
    for path in paths.resources_folder().iterdir():
        if path.name != "catalogue.toml":
            (folder / path.name).symlink_to(path)
    text = (paths.resources_folder() / "catalogue.toml").read_text("utf-8")
    _comment, first, *_others = text.split("[[model]]\n")
    assert "terms = true" in first
    entry = re.sub(r"^sha256 = .*\n", "", first.rsplit("[[model.variant]]", 1)[0], flags=re.MULTILINE)
    entry = re.sub(r"^(size|memory_\w+) = .*", r"\1 = 10_000_000", entry, flags=re.MULTILINE)
    model, projector = (path.name for path in paths.demo_model())
    entry = entry.replace("llava-v1.5-7b-mmproj-model-f16.gguf", projector).replace("llava-v1.5-7b-Q4_K_M.gguf", model)
    (folder / "catalogue.toml").write_text("[[model]]\n" + entry, "utf-8")
    return folder


def test_three_clicks_and_a_downloaded_model_is_in_use(tmp_path: Path, resources: Path) -> None:
    with FakeHub() as hub:
        files = {path.name: path.read_bytes() for path in paths.demo_model()}
        hub.publish("second-state/Llava-v1.5-7B-GGUF", files)
        environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "EYEBRIGHT_MEMORY_LIMIT": "8G"}
        environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
        lines = run_watched(_WATCHED, str(resources), folder=tmp_path, environment=environment)
    assert lines == ["Download", "Accept and download", "Use it now", "in use"]
