"""Which Pythons suit: goes on with one that does, or names what to install.

Written so that even Python 3.6 can read it, because it is what old systems run first; and every start of the program
reads it, so it imports only what it needs.
"""

import sys

from provision.paths import venv_python

#: Below the first, parts of the language are missing. The second is one that PySide6, as packaging/locks/ names it, is
#: not made for.
OLDEST, TOO_NEW = (3, 10), (3, 15)
#: What to install where one may choose.
_NEWEST = f"{TOO_NEW[0]}.{TOO_NEW[1] - 1}"
#: Systems that have a newer Python beside their own: what installs it -> its name there.
_BESIDE = {"dnf": "python3.12", "zypper": "python312"}
_IS_RIGHT = f"import sys; sys.exit(not {OLDEST} <= sys.version_info < {TOO_NEW})"


def ensure() -> None:
    """Return if this Python suits; otherwise let another do all that was asked for, and end."""
    if OLDEST <= sys.version_info < TOO_NEW:
        return
    import shutil
    import subprocess

    names = [*(f"python3.{minor}" for minor in reversed(range(OLDEST[1], TOO_NEW[1]))), "python3"]
    for other in [str(venv_python()), *filter(None, map(shutil.which, names))]:
        if suits(other):
            raise SystemExit(subprocess.call([other, *sys.argv]))
    wanted, found = f"Python {OLDEST[0]}.{OLDEST[1]} to {_NEWEST}", sys.version.split()[0]
    print(f"eyebright: {wanted} is needed; this is {found}. {_advice()}", file=sys.stderr)
    raise SystemExit(2)


def suits(python: str, also: str = "") -> bool:
    """Return whether a Python runs, is none too old or new, and can import what `also` names."""
    import subprocess

    code = f"import {also}; {_IS_RIGHT}" if also else _IS_RIGHT
    quiet = subprocess.DEVNULL
    try:
        return subprocess.call([python, "-c", code], stdin=quiet, stdout=quiet, stderr=quiet) == 0
    except OSError:
        return False


def _advice() -> str:
    import shutil

    if sys.platform == "darwin":
        return f"Please run: brew install python@{_NEWEST}"
    if sys.platform == "win32":
        return f"Please run: winget install Python.Python.{_NEWEST}; then begin with py -{_NEWEST} in place of python."
    known = _in_debian() if shutil.which("apt-cache") else ""
    if known:
        return f"Please run: sudo apt-get install {known}"
    for tool, package in _BESIDE.items():
        if shutil.which(tool):
            return f"Please run: sudo {tool} install {package}"
    return (
        f"This system has none that suits, but uv brings one (https://docs.astral.sh/uv): uv python install {_NEWEST}"
    )


def _in_debian() -> str:
    """Return the newest package of a Python that suits, with what makes environments; empty: there is none."""
    import re
    import subprocess

    command = ["apt-cache", "search", "--names-only", r"^python3\.[0-9]+-venv$"]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout.decode()
    minors = [int(minor) for minor in re.findall(r"^python3\.(\d+)-venv", found, re.MULTILINE)]
    suiting = [minor for minor in minors if OLDEST <= (3, minor) < TOO_NEW]
    return f"python3.{max(suiting)}-venv" if suiting else ""
