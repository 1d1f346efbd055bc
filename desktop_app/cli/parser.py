"""An `argparse` parser that reports a mistake in one sentence, without the usage."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from desktop_app.cli import texts


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def __init__(self, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog, None, description, epilog, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )

    def error(self, message: str) -> NoReturn:
        """End the program with exit code 2."""
        print(texts.USAGE.format(problem=message.rstrip("."), command=self.prog), file=sys.stderr)
        raise SystemExit(2)
