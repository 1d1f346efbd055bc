"""Runs the packaged program on Wayland: on Weston, without a monitor."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from trials.chroots import NotHad
from trials.x11_user import Disappointed, wait_for

_SOCKET = "eyebright-trial"


def window(command: Path, work: Path) -> str:
    """Let the program open a window there, and look at itself."""
    if not shutil.which("weston"):
        raise NotHad("weston is not here")
    place = work / "wayland"
    place.mkdir(mode=0o700, exist_ok=True)
    environment = os.environ | {"XDG_RUNTIME_DIR": str(place), "EYEBRIGHT_HOME": str(work / "home")}
    server = subprocess.Popen(
        ["weston", "--backend=headless-backend.so", f"--socket={_SOCKET}"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for("a Wayland screen", (place / _SOCKET).exists)
        result = subprocess.run(
            [command, "self-test"],
            env=environment | {"WAYLAND_DISPLAY": _SOCKET, "QT_QPA_PLATFORM": "wayland"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        server.terminate()
        server.wait(10)
    said = next((line for line in result.stdout.splitlines() if "window" in line), "nothing")
    if result.returncode or "on wayland" not in said:
        raise Disappointed(f"{said}; {result.stderr.strip()[-300:]}")
    return said.partition(": ")[2]
