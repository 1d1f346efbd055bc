"""An `argparse` parser that reports a mistake in one sentence, without the usage."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from desktop_app.cli import texts
from desktop_app.cli.terminal import in_one_line
from desktop_app.file_addresses import named_file


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def __init__(self, prog: str, description: str, epilog: str | None = None, **inherited: Any) -> None:
        # From Python 3.14 on, argparse hands on to the parser of a command what that above it does about colours.
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(prog, None, description, epilog, formatter_class=layout, allow_abbrev=False, **inherited)

    def error(self, message: str) -> NoReturn:
        """End the program with exit code 2."""
        print(texts.USAGE.format(problem=in_one_line(message).rstrip("."), command=self.prog), file=sys.stderr)
        raise SystemExit(2)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write a help or a version; argparse would say nothing when that fails."""
        (file or sys.stderr).write(message)


class CommandParser(Parser):
    """Parses one of several commands, and itself reports words that it does not know.

    argparse hands them to the parser above, whose sentence would point to the wrong --help.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse; words that are left over end the program. Returns the namespace and an empty list."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(texts.UNKNOWN_WORDS.format(words=" ".join(rest)))
        return found, rest


def file_word(word: str) -> str:
    """Return the path of what a word names, as the type of an argument; one of nothing is refused."""
    return full_word(named_file(word))


def full_word(word: str) -> str:
    """Return a word that is not empty, as the type of an argument: an empty path is the current folder.

    It comes from a variable that was not set, and nobody means the current folder with it.
    """
    if not word:
        raise argparse.ArgumentTypeError(texts.EMPTY_NAME)
    return word
