"""Pressing keys on other systems: which commands are run, and what is said where that is forbidden."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from trials import desktop_automation
from trials.chroots import NotHad

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts play the programs of other systems")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put scripts in the place of programs of Windows and macOS; return the file with the words they were given."""
    folder, log = tmp_path / "programs", tmp_path / "told"
    folder.mkdir()
    for name in ("powershell", "osascript", "taskkill", "screencapture"):
        script = folder / name
        script.write_text('#!/bin/sh\nfor word; do printf "%s\\n" "$word" >> "$TOLD"; done\nexit "${ENDS:-0}"\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TOLD", str(log))
    return log


def test_what_is_typed_on_windows_means_just_itself(told: Path) -> None:
    desktop_automation.Windows().type(42, "50% (it's {big})?")
    script = told.read_text().splitlines()[-1]
    assert ".AppActivate(42)) { exit 3 }" in script
    assert "SendWait('50{%} {(}it''s {{}big{}}{)}?')" in script
    assert script.endswith("SendWait('{ENTER}')")


def test_what_is_typed_on_macos_goes_to_the_window_of_the_program(told: Path) -> None:
    desktop_automation.Macos().type(42, 'a "name" \\ b')
    lines = told.read_text().splitlines()[1::2]
    assert "unix id is 42" in lines[0]
    assert lines[2] == 'tell application "System Events" to keystroke "a \\"name\\" \\\\ b"'


def test_what_a_computer_does_not_let_be_done_is_not_taken_for_tried(
    told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDS", "3")
    with pytest.raises(NotHad, match="could not be brought to the front"):
        desktop_automation.Windows().type(42, "hello")
    monkeypatch.setenv("ENDS", "1")
    with pytest.raises(NotHad, match="osascript"):
        desktop_automation.Macos().type(42, "hello")
    monkeypatch.setattr(desktop_automation, "_MOST_S", 0.1)

    def never(*_words: object, **_more: object) -> None:
        raise subprocess.TimeoutExpired("screencapture", 0.1)

    monkeypatch.setattr(subprocess, "run", never)
    with pytest.raises(NotHad, match="timed out"):
        desktop_automation.Macos().look(told.with_name("shot.png"))
