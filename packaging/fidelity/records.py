"""Where it is kept what the reference computed, and under which names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "tests" / "data" / "fidelity.npz"
ANSWER = 4  # tokens of the first answer
ASKED = ("photo", "tall")  # pictures of which logits are recorded


def pixels_key(side: int, mean: Iterable[float], picture: str) -> str:
    """Return the key of a picture as it is prepared for a tower."""
    return f"pixels/{side}/{''.join(f'{int(part * 255):02x}' for part in mean)}/{picture}"
