"""What each measurement process is told: files, settings, and the conversation that all of them have."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.measurements.load_settings import Settings

QUESTIONS = (
    "What is in this picture, and where was it taken?",
    "What colour is the thing on the left side?",
    "Is there any text to be read in it?",
    "How many people are there in it?",
    "Tell me about the light and the weather.",
)
AFTERWARDS = "Would you hang it on your wall?"  # asked after a restart


@dataclass(frozen=True)
class Job:
    """The same for every party."""

    model: str
    projector: str
    folder: str  # for whatever a party writes
    n_ctx: int
    answer_tokens: int  # of each answer in the conversation
    writing_tokens: int  # where the speed of writing is measured
    reading_tokens: int  # where the speed of reading is measured
    repeats: int  # of what is short
    settings: Settings = field(default_factory=Settings)  # as the engine chose them
    depth: int = 0  # tokens in the context where writing was measured
    repacked: bool = True  # whether the stock handler repacks weights, which is llama.cpp's default
    programs: str = ""  # a folder with llama.cpp's own programs
    title: str = ""  # of the model, where several are compared

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def parse(text: str) -> Job:
        """Read what `text` wrote."""
        fields = json.loads(text)
        fields["settings"] = Settings(**fields["settings"])
        return Job(**fields)


def picture(folder: Path, number: int, size: tuple[int, int] = (1024, 768)) -> tuple[Path, str]:
    """Draw a JPEG like no other of this run; return the file and its SHA-256."""
    from PIL import Image, ImageChops

    path = folder / f"picture-{number}-{size[0]}.jpg"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        slope = Image.linear_gradient("L").resize(size)
        noise = Image.effect_noise(size, 20 + number)
        turned = slope.rotate(37 * (number + 1))
        Image.merge("RGB", (ImageChops.add(slope, noise, 2), turned, ImageChops.invert(slope))).save(path, quality=85)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def long_question(tokens: int) -> str:
    """Return a question of about so many tokens."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = (letters[n % 26] + letters[n * 7 % 26] + letters[n * 3 % 26] for n in range(max(1, tokens)))
    return " ".join(words)
