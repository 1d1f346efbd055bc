"""What a person sees who starts the program for the first time: the offer of a model that knows photographs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from desktop_app import paths
from desktop_app.settings import Settings
from tests.helpers.watched_program import run_watched

# The program runs by itself, in a home that nobody has used, and sends its own signals; only the loop of Qt is watched.
_WATCHED = """
import sys
from PySide6.QtCore import QElapsedTimer, QTimer
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QPushButton
from desktop_app.ui.widgets.theme import theme

execute = QApplication.exec
shown = QElapsedTimer()
timer = QTimer(interval=20)

def watched(*_application):
    timer.timeout.connect(look)
    timer.start()
    return execute()

def look():
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow))
    if not window.isVisible():
        return  # not yet
    if not shown.isValid():
        shown.start()
        window.resize(*map(int, size))
    buttons = [each for each in window.findChildren(QPushButton) if each.text() in texts]
    seen = {each.text(): each for each in buttons if each.visibleRegion().boundingRect() == each.rect()}
    if seen.keys() == set(texts) or shown.elapsed() > 20_000:
        timer.stop()
        said = "seen" if seen.keys() == set(texts) else f"seen: {seen}, {len(buttons)} are there"
        print(said, "soon" if shown.elapsed() < int(soon) else "late")
        for button in seen.values():
            if button.text() == "Download":
                describe(window, button)
        window.close()

def describe(window, button):
    card, place = button.parentWidget(), window.start_page.place
    for label in card.findChildren(QLabel):
        if label.visibleRegion().boundingRect() == label.rect():
            print(label.text())
    below = card.mapTo(window, card.rect().topLeft()).y() - place.mapTo(window, place.rect().bottomLeft()).y()
    print("right below the drop place" if 0 < below < 40 else f"{below} px below the drop place")
    inside = button.grab().toImage().pixelColor(button.width() // 2, 4)
    print("filled with the accent" if inside == theme.colour("accent") else inside.name())

QApplication.exec = watched
from desktop_app.__main__ import main
soon, size, texts, sys.argv[1:] = sys.argv[1], sys.argv[2:4], sys.argv[4:], []
sys.exit(main())
"""

_IN_ITS_PLACE = ["right below the drop place", "filled with the accent"]


@pytest.mark.parametrize(
    ("memory", "title", "good_for", "costs"),
    [
        (
            "8G",
            "Qwen3-VL 2B",
            "Reads documents, describes photos and speaks many languages. Fits most laptops.",
            "1.6 GB · about 4 min at 50 Mbit/s",
        ),
        (
            "4G",
            "LFM2.5-VL 1.6B",
            "Describes photos well and fast, in nine languages. Large companies need a licence.",
            "1.3 GB · about 3 min at 50 Mbit/s",
        ),
    ],
)
def test_a_new_home_is_offered_a_model_that_knows_photographs(
    tmp_path: Path, memory: str, title: str, good_for: str, costs: str
) -> None:
    environment = {**os.environ, "EYEBRIGHT_MEMORY_LIMIT": memory}
    lines = run_watched(_WATCHED, "3000", "1024", "690", "Download", folder=tmp_path, environment=environment)
    assert lines == [
        "seen soon",
        f"Talk about photos: {title}",
        good_for,
        f"{costs} · Fits this computer",
        *_IN_ITS_PLACE,
    ]


def test_who_has_a_model_without_its_projector_is_offered_both_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    paths.make_folders()
    settings = Settings(paths.settings_file())
    settings.set("model", str(shutil.copy(paths.demo_model()[0], tmp_path / "writer.gguf")))
    settings.save()
    ways = ("Add its projector…", "Download")
    # The model is loaded first: until then nobody knows what it sees.
    soon, *_words, where, look = run_watched(_WATCHED, "15000", "1024", "690", *ways, folder=tmp_path)
    assert [soon, where, look] == ["seen soon", *_IN_ITS_PLACE]
