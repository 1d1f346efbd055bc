"""A real X11 drag from another program's window to ours, on a real X server, with the real engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.helpers.paths import REPOSITORY


@pytest.fixture
def display() -> Iterator[str]:
    """An X server of our own, on a number that it chooses itself."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("Xvfb and xdotool are needed for a true X11 drag; `make setup` names how to get them")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=(writing,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.timeout(180)
def test_a_picture_dragged_from_another_program_is_answered(display: str, tmp_path: Path) -> None:
    picture = tmp_path / "a red circle – 红圈.png"
    drawn = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(drawn).ellipse((90, 50, 230, 190), fill=(220, 30, 30))
    drawn.save(picture)
    environment = os.environ | {
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "EYEBRIGHT_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(REPOSITORY),
    }
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("driver.py")), str(picture), str(tmp_path)],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout.splitlines()[-1])
    assert "circle" in seen["text"]
    assert seen["state"] == "complete"
    assert seen["details"]["image_encodes"] == 0, "the picture had been read ahead"
    for name in ("x11-dragging.png", "x11-read.png", "x11-answered.png"):
        assert (tmp_path / name).stat().st_size > 5000
