"""Lets the engine do with a small random model what transformers did, and compares the results.

`tests/data/seen` holds those of transformers, which `tests/recording/seen.py` has written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from fidelity.engine import Engine, watched_input

from desktop_app.engine.cache.embeddings import Embedding, EmbeddingStore
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.kv_cache import PictureRow
from desktop_app.engine.messages import Finished, PictureRef, Turn
from desktop_app.engine.vision.picture_encoder import PictureEncoder
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.engine.weights.projector_copy import prepare_projector
from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models.talks import EACH, TALKS, Size, SmallModel

MOST_APART = 1.01  # steps of 255
LEAST_COSINE, LEAST_CORRELATION = 0.9999, 0.999
_CONTEXT = 4096  # tokens: in which a picture may have as many as its model allows
Records = Mapping[str, npt.NDArray[Any]]


def records_of(small: SmallModel) -> Records:
    """Return what was recorded of a model."""
    with np.load(DATA / "seen" / small.seen) as file:
        return dict(file)


def named(size: Size) -> str:
    """Return the name of a picture in the records."""
    return "x".join(map(str, size))


def picture(size: Size, folder: Path) -> PictureRef:
    """Save a picture as somebody would drop it."""
    path = folder / f"{named(size)}.png"
    if not path.exists():
        patterned(*size).save(path)
    return PictureRef(hashlib.sha256(path.read_bytes()).hexdigest(), str(path), path.name, *size)


def turns_of(small: SmallModel, talk: str, folder: Path) -> list[Turn]:
    """Return the turns of a talk."""
    return [
        Turn(asked.question, tuple(picture(small.shapes[number], folder) for number in asked.pictures), asked.answer)
        for asked in TALKS[talk]
    ]


def files_of(small: SmallModel, folder: Path, *, q8_0: bool = False) -> ModelFiles:
    """Write a model, and prepare its projector as the program does before it loads it."""
    return prepare_projector(check_files(*small.write(folder)), lambda: folder, small=q8_0)


def written_text(small: SmallModel, talk: str, folder: Path) -> str:
    """Return the answer of transformers in words, without the part of a character at its end."""
    held = Held(small, folder)
    text = held.engine.remember(held.records[f"written {talk}"].tolist())
    held.close()
    return text


class Held:
    """The engine with one of the models, held to what was recorded of it."""

    def __init__(self, small: SmallModel, folder: Path, *, kept: Path | None = None, q8_0: bool = False) -> None:
        """`kept`: where an engine finds what one before it has read; `q8_0`: the projector and the KV cache are so."""
        self.small = small
        self.records = records_of(small)
        self._folder = folder
        self.engine = Engine(files_of(small, folder, q8_0=q8_0), kept, small=q8_0, n_ctx=_CONTEXT)

    def close(self) -> None:
        """Free the model."""
        self.engine.close()

    def same_tokens(self, talk: str) -> bool:
        """Return whether the prompt of a talk has the recorded tokens, and rows of pictures where it has theirs."""
        expected = self.records[f"ids {talk}"]
        cells = self.engine.session.prompts.asking(turns_of(self.small, talk, self._folder), None)
        rows = np.array([isinstance(cell, PictureRow) for cell in cells])
        if len(cells) != len(expected):
            return False
        image = expected[rows.argmax()]
        tokens = [int(image) if isinstance(cell, PictureRow) else cell for cell in cells]
        return tokens == expected.tolist() and bool(((expected == image) == rows).all())

    def see(self, size: Size) -> tuple[float, float | None]:
        """Return how far the pixels of a picture are apart at most, and the least cosine of its rows, or of a tap's.

        The second is None if no rows were recorded.
        """
        drawn = picture(size, self._folder)
        model = self.engine.session.model
        encoder = PictureEncoder(model, Interrupt(), EmbeddingStore(), lambda _event: None)
        layout = encoder.processor.layout(drawn)
        with closing(encoder), watched_input() as inputs:
            rows, _ = encoder.encode(0, [layout])
        found = self._pixels(inputs)
        expected = self.records[f"pixels {named(size)}"]
        apart = float(np.abs(found - expected).max()) if found.shape == expected.shape else 255.0
        wanted = self.records.get(f"rows {named(size)}")
        return apart, None if wanted is None else self.least_cosine(rows[layout.key][:: self.small.each_row], wanted)

    def least_cosine(self, found: Embedding, expected: npt.NDArray[Any]) -> float:
        """Return the least cosine of two matrices' rows, each part as wide as the model by itself."""
        if found.shape != expected.shape:
            return -1.0
        header = self.engine.session.model.files.header
        width = header.integer(f"{header.architecture}.embedding_length") or 1
        first, second = (part.astype(np.float64).reshape(-1, width) for part in (found, expected))
        lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        return float(((first * second).sum(1) / np.maximum(lengths, 1e-9)).min())

    def ask(self, talk: str) -> tuple[Finished, float]:
        """Ask the last question of a talk; return how it ended, and how its logits correlate with the recorded ones."""
        finished, logits = self.engine.ask(turns_of(self.small, talk, self._folder), 1)
        return finished, float(np.corrcoef(logits, self.records[f"logits {talk}"])[0, 1])

    def faults(self) -> set[str]:
        """Return what is not as transformers does it: "tokens", "pixels", "rows", "logits"."""
        found = {"tokens" for talk in TALKS if not self.same_tokens(talk)}
        for size in self.small.shapes:
            apart, cosine = self.see(size)
            found |= {"pixels"} if apart > MOST_APART else set()
            found |= {"rows"} if cosine is not None and cosine < LEAST_COSINE else set()
        return found | {"logits" for talk in TALKS if self.ask(talk)[1] < LEAST_CORRELATION}

    def _pixels(self, inputs: list[npt.NDArray[np.float32]]) -> npt.NDArray[Any]:
        """Return what reached the tower as bytes, channels last, of the first part."""
        projector = self.engine.session.model.files.projector
        assert projector is not None
        header = projector.header
        mean, std = (np.array(header.numbers(f"clip.vision.image_{name}")[:3]) for name in ("mean", "std"))
        pixels: npt.NDArray[Any] = (inputs[0].transpose(1, 2, 0) * std + mean) * 255
        return pixels[::EACH, ::EACH]
