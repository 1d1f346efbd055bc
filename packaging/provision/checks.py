"""The checks of the source: `make test`, `make lint` and `make format`."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from provision import paths
from provision.console import say

_FORMAT = ("ruff format", ["ruff", "format", "--check", "--quiet", "."])
_LINT = ("ruff check", ["ruff", "check", "--quiet", "."])
_TYPES = ("mypy", ["mypy"])
#: Most tests wait for a window or an engine: two at once take half the time. A file's tests share fixtures.
_SIDE_BY_SIDE = ("-n", "auto", "--maxprocesses=4", "--dist=loadfile")
_CIRCLES = ("the search for import circles", ["tests.helpers.imports"])


def _program(command: Sequence[str]) -> list[str | Path]:
    name, *arguments = command
    return [paths.venv_python(), "-m", name, *arguments]


def lint() -> list[str]:
    """Check layout, style, types and imports; the names of the checks that failed."""
    failed = []
    for name, command in (_FORMAT, _LINT, _TYPES, _CIRCLES):
        result = subprocess.run(_program(command), cwd=paths.REPOSITORY, check=False)
        if result.returncode:
            say(f"{name} failed.")
            failed.append(name)
    return failed


def test(arguments: Sequence[str]) -> int:
    """Run every check, then the tests: all of them side by side, or as `arguments` say. Nonzero if anything failed."""
    failed = lint()
    if failed:
        # pytest's summary closes the output, so it repeats what failed before it.
        os.environ["EYEBRIGHT_FAILED_CHECKS"] = ", ".join(failed)
    return only_tests(arguments or _SIDE_BY_SIDE) or bool(failed)


def only_tests(arguments: Sequence[str]) -> int:
    """Run pytest; its exit status."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    sys.stdout.flush()
    return subprocess.run(
        _program(["pytest", *arguments]), cwd=paths.REPOSITORY, env=environment, check=False
    ).returncode


def reformat() -> int:
    """Lay out the code and mend what can be mended without thought."""
    steps = (["ruff", "check", "--fix", "--quiet", "."], ["ruff", "format", "--quiet", "."])
    return max(subprocess.run(_program(step), cwd=paths.REPOSITORY, check=False).returncode for step in steps)
