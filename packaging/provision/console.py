"""What the set-up prints, and how it ends with an error.

Everything goes to stderr: `make run ARGS="ask ..."` keeps stdout for the answer.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

#: The exit status for "you have to do something first", beside 1 for "it failed".
NEEDS_HELP = 2
#: How compilers, CMake, Ninja and pip begin to complain.
_ERROR = re.compile(r"\b(fatal error|error:|CMake Error|FAILED:|Killed\b|ERROR:)")


def say(text: str) -> None:
    """Print one sentence for the person."""
    print(f"eyebright: {text}", file=sys.stderr, flush=True)


def give_up(text: str, status: int = 1) -> NoReturn:
    """Say what went wrong and what to do, and end."""
    say(text)
    raise SystemExit(status)


def cause(log: Path, most: int = 25) -> str:
    """The lines of a build log from its first error on: the last ones only say that it failed."""
    lines = log.read_text("utf-8", "replace").splitlines()
    first = next((number for number, line in enumerate(lines) if _ERROR.search(line)), None)
    return "\n".join(lines[-most:] if first is None else lines[first : first + most])


def succeeds(command: Sequence[str | Path]) -> bool:
    """Run a command that asks nothing and whose output the person sees; True if it ended well."""
    # Standard output is for answers, and a tool's chatter is none.
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    return result.returncode == 0
