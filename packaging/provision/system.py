"""What the operating system must bring: named exactly, or installed when we may.

Only Linux needs this; on macOS and Windows the wheels carry everything.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

from provision.console import NEEDS_HELP, give_up, say

#: Libraries that Qt's wheels link to and do not carry -> Debian's package.
#: Read from the ELF headers of PySide6-Essentials 6.12.
WINDOW_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libbrotlidec.so.1": "libbrotli1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}

#: What the engine links to.
ENGINE_LIBRARIES = {"libgomp.so.1": "libgomp1"}

#: Programs that the tests start -> Debian's package.
TEST_PROGRAMS = {"Xvfb": "xvfb", "xdotool": "xdotool", "strace": "strace"}


def need_libraries(libraries: dict[str, str], purpose: str) -> None:
    """Make sure that shared libraries can be loaded."""
    if sys.platform == "linux":
        _need({package for name, package in libraries.items() if not _loads(name)}, purpose)


def need_programs(programs: dict[str, str], purpose: str) -> None:
    """Make sure that programs are on the PATH."""
    if sys.platform == "linux":
        _need({package for name, package in programs.items() if not shutil.which(name)}, purpose)


def need_compiler() -> None:
    """Make sure that C and C++ can be compiled."""
    if os.environ.get("CXX") or any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        return
    if sys.platform == "linux":
        _need({"g++"}, "compile llama.cpp")
    elif sys.platform == "darwin":
        give_up("A C++ compiler is needed. Please run: xcode-select --install", NEEDS_HELP)
    else:
        give_up("A C++ compiler is needed: install the Visual Studio Build Tools.", NEEDS_HELP)


def need_venv_module() -> None:
    """Make sure that this Python can make virtual environments; Debian leaves that part out."""
    if _has_ensurepip():
        return
    major, minor = sys.version_info[:2]
    if sys.platform == "linux":
        _need({f"python{major}.{minor}-venv"}, "make a virtual environment")
    if not _has_ensurepip():
        give_up(f"{sys.executable} has no working venv module. Try another Python.", NEEDS_HELP)


def _has_ensurepip() -> bool:
    # Asked of a fresh interpreter: ours has looked already and remembers.
    command = [sys.executable, "-c", "import ensurepip, venv"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _need(packages: Iterable[str], purpose: str) -> None:
    """Install Debian packages as root; otherwise name the one command that does, and end."""
    names = sorted(packages)
    if not names:
        return
    if not shutil.which("apt-get"):
        give_up(
            f"To {purpose}, these are missing, under Debian's names: {' '.join(names)}. "
            "Please install what your system calls them.",
            NEEDS_HELP,
        )
    command = ["apt-get", "install", "-y", "--no-install-recommends", *names]
    if os.geteuid() != 0:
        give_up(f"To {purpose}, please run: sudo {' '.join(command)}", NEEDS_HELP)
    say(f"To {purpose}, installing {' '.join(names)}.")
    if not _apt(command):
        # The usual reason is a package list that is missing or old.
        _apt(["apt-get", "update"])
        if not _apt(command):
            give_up(f"This failed, please look why: {' '.join(command)}")


def _apt(command: list[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if result.returncode:
        sys.stderr.write(result.stderr.decode(errors="replace"))
    return result.returncode == 0
