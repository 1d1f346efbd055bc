"""The file that holds the results of transformers, and the names of its entries."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "tests" / "data" / "fidelity.npz"
ANSWER = 4  # tokens of the first answer
ASKED = ("photo", "tall")  # pictures of which logits are recorded


def parser(description: str) -> argparse.ArgumentParser:
    """Return what reads the arguments of both commands."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("shapes", nargs="?", default="tests", help="tests, real, or a number of random ones")
    parser.add_argument("file", type=Path, nargs="?", default=RECORDS)
    return parser


def pixels_key(side: int, mean: Iterable[float], picture: str) -> str:
    """Return the key of a picture as it is prepared for a tower."""
    return f"pixels/{side}/{''.join(f'{int(part * 255):02x}' for part in mean)}/{picture}"
