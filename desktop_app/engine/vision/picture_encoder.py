"""Encodes pictures part by part, and keeps their embeddings in the cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

from desktop_app.engine.cache.embeddings import Embedding, EmbeddingKey, EmbeddingStore
from desktop_app.engine.cache.fingerprints import file_identity
from desktop_app.engine.cache.throughput import Throughput
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.bindings import VERSION
from desktop_app.engine.llama.kv_cache import Places
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import Phase, PhaseChanged, PictureRef, ThroughputMeasured, Turn
from desktop_app.engine.vision.choose_processor import picture_processor_for
from desktop_app.engine.vision.picture_processor import PictureLayout
from desktop_app.engine.vision.row_selection import choose_rows
from desktop_app.errors import UserError

_READ_AS = 2  # raised when `desktop_app/images` makes other pixels of the same file
_LOOK_EVERY_S = 0.02  # at the interrupt, while a picture file is decoded

_Result = TypeVar("_Result")


class PictureEncoder:
    """Encodes the pictures of one loaded model. Used on the main thread of the engine."""

    def __init__(
        self,
        model: Model,
        interrupt: Interrupt,
        embeddings: EmbeddingStore,
        emit: Callable[[PhaseChanged | ThroughputMeasured], None],
    ) -> None:
        self.processor = picture_processor_for(model)
        self.throughput = Throughput()  # of encoding a part
        self._model = model
        self._interrupt = interrupt
        self._embeddings = embeddings
        self._emit = emit
        projector = model.files.projector
        self._projector = ""
        if projector is not None:
            small = "|small" if projector.small else ""
            corrected = f"{projector.last_layer.value}|{projector.activation.value}"
            self._projector = f"{file_identity(projector.chosen)}|{corrected}{small}"
        self._decoder = ThreadPoolExecutor(1, "picture")
        self._sizes: dict[str, tuple[int, int]] = {}  # of pictures that came without, by SHA-256

    @property
    def identity(self) -> str:
        """Return everything but the picture on which an embedding depends."""
        return f"{self._projector}|{self._model.class_token.value}|{VERSION}|{_READ_AS}"

    def close(self) -> None:
        """End the thread that decodes pictures."""
        self._decoder.shutdown(wait=False, cancel_futures=True)

    def measured(self, turns: Sequence[Turn]) -> list[Turn]:
        """Return the turns with the sizes of their pictures, if the model needs them.

        Raises `UserError` (projector-needed, and those of `read_picture`).
        """
        if not self._model.image_tokens and any(turn.pictures for turn in turns):
            raise UserError("projector-needed", model=self._model.files.title)
        if not self.processor.needs_size:
            return list(turns)
        return [turn._replace(pictures=tuple(map(self._with_size, turn.pictures))) for turn in turns]

    def encode(self, request: int, pictures: Sequence[PictureLayout]) -> tuple[dict[str, Embedding], int]:
        """Return the rows of pictures by their keys, and the number of parts that had to be encoded.

        Parts that were encoded are kept even if a later one is interrupted. Raises `UserError` for a picture
        that cannot be read.
        """
        found = ((key, self._embeddings.get(key)) for seen in pictures for key in self._keys(seen))
        known = {key: embedding for key, embedding in found if embedding is not None}
        new = [seen for seen in pictures if not known.keys() >= set(self._keys(seen))]
        encodes = sum(key not in known for seen in new for key in self._keys(seen))
        missing = sum(self._work(seen) for seen in new for key in self._keys(seen) if key not in known)
        with self._model.projector_loaded() if new else nullcontext():
            for index, seen in enumerate(new):
                pixels: list[bytes] = []
                for part, key in enumerate(self._keys(seen)):
                    if key in known:
                        continue
                    expected = self.throughput.expect(missing)
                    sha256, parts = seen.picture.sha256, len(seen.parts)
                    self._emit(PhaseChanged(request, Phase.LOOKING, index, len(new), expected, sha256, part, parts))
                    pixels = pixels or self._pixels(seen)
                    self._interrupt.check()
                    started = time.monotonic()
                    known[key] = self.processor.encode(seen, part, pixels[part])
                    self.throughput.learn(self._work(seen), time.monotonic() - started)
                    self._emit(ThroughputMeasured(request, part_s=self.throughput.expect(1)))
                    missing -= self._work(seen)
                    self._embeddings.put(key, known[key])
        rows = {seen.key: self.processor.join(seen, [known[key] for key in self._keys(seen)]) for seen in pictures}
        return rows, encodes

    def choose(
        self, pictures: Sequence[PictureLayout], rows: Mapping[str, Embedding]
    ) -> tuple[dict[str, Embedding], dict[str, Places]]:
        """Return the rows that are read of pictures, and where those of quick looks stand among all of them.

        `rows`: all rows, by the keys of the pictures. Raises `Interrupted`.
        """
        places = {
            seen.key: self._beside(partial(choose_rows, rows[seen.key], seen.rows)) for seen in pictures if seen.of_rows
        }
        return {key: all_rows[places[key]] if key in places else all_rows for key, all_rows in rows.items()}, places

    def _work(self, seen: PictureLayout) -> float:
        """Return how much work a part of a picture is, compared with a usual one."""
        any_size = self.processor.any_size
        return 1.0 if any_size is None else any_size.shares(seen.of_rows or seen.rows)

    def _with_size(self, picture: PictureRef) -> PictureRef:
        if picture.width > 0 and picture.height > 0:
            return picture
        if picture.sha256 not in self._sizes:
            from desktop_app.images.reading import read_picture

            read = read_picture(picture.path, picture.name)
            self._sizes[picture.sha256] = (read.width, read.height)
        width, height = self._sizes[picture.sha256]
        return picture._replace(width=width, height=height)

    def _pixels(self, seen: PictureLayout) -> list[bytes]:
        """Decode a picture file."""
        return self._beside(partial(self.processor.pixels, seen))

    def _beside(self, work: Callable[[], _Result]) -> _Result:
        """Do `work` on another thread, so that it can be abandoned. Raises `Interrupted`."""
        working = self._decoder.submit(work)
        while not working.done():
            wait([working], _LOOK_EVERY_S)
            if self._interrupt.now:
                raise Interrupted
        return working.result()

    def _keys(self, seen: PictureLayout) -> list[EmbeddingKey]:
        return [EmbeddingKey(seen.picture.sha256, self.identity, part) for part in seen.parts]
