"""Which packages of the operating system are needed: named exactly, or installed when run as root.

Only Linux needs this; on macOS and Windows the wheels contain everything.
"""

import ctypes
import os
import shutil
import subprocess
import sys

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

#: Programs that make packages -> Debian's package.
PACKAGE_PROGRAMS = {"rpmbuild": "rpm", "dpkg-deb": "dpkg", "objdump": "binutils"}

#: Programs that make an AppImage, for which a runtime is needed as well -> Debian's package.
APPIMAGE_PROGRAMS = {"mksquashfs": "squashfs-tools"}

#: Programs that try packages -> Debian's package.
TRIAL_PROGRAMS = {
    "appstreamcli": "appstream",
    "debootstrap": "debootstrap",
    "desktop-file-validate": "desktop-file-utils",
    "flatpak-builder": "flatpak-builder",
    "lintian": "lintian",
    "makensis": "nsis",
    "osslsigncode": "osslsigncode",
    "qemu-x86_64": "qemu-user",
    "rpm": "rpm",
    "weston": "weston",
}

_GET_A_COMPILER = {
    "darwin": "Please run: xcode-select --install",
    "win32": "Please install the Visual Studio Build Tools.",
}


def missing_libraries(libraries: dict[str, str]) -> set[str]:
    """The packages of the shared libraries that cannot be loaded."""
    if sys.platform != "linux":
        return set()
    return {package for name, package in libraries.items() if not _loads(name)}


def missing_programs(programs: dict[str, str]) -> set[str]:
    """The packages of the programs that are not on the PATH."""
    if sys.platform != "linux":
        return set()
    return {package for name, package in programs.items() if not shutil.which(name)}


def missing_compiler() -> set[str]:
    """The package of a C++ compiler if there is none; where there are no packages, give up."""
    if os.environ.get("CXX") or any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        return set()
    if sys.platform in _GET_A_COMPILER:
        give_up(f"A C++ compiler is needed. {_GET_A_COMPILER[sys.platform]}", NEEDS_HELP)
    return {"g++"}


def missing_venv_module() -> set[str]:
    """The package of the part of Python that makes virtual environments; Debian splits it off."""
    command = [sys.executable, "-c", "import ensurepip, venv"]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return set()
    if sys.platform != "linux":
        give_up(f"{sys.executable} has no working venv module. Try another Python.", NEEDS_HELP)
    return {f"python{sys.version_info.major}.{sys.version_info.minor}-venv"}


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install(packages: set[str]) -> None:
    """Install Debian packages as root; otherwise name the one command that does, and end."""
    if not packages:
        return
    names = sorted(packages)
    if not shutil.which("apt-get"):
        give_up(
            f"Some system packages are missing, under Debian's names: {' '.join(names)}. "
            "Please install what your system calls them.",
            NEEDS_HELP,
        )
    command = ["apt-get", "install", "-y", "--no-install-recommends", *names]
    if os.geteuid() != 0:
        give_up(f"Some system packages are missing. Please run: sudo {' '.join(command)}", NEEDS_HELP)
    say(f"Installing system packages: {' '.join(names)}.")
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
