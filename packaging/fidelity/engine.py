"""Eyebright's engine with one random model: the real session, run in this process so that it can be watched."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from desktop_app.engine.cache.checked_folder import cache_folders
from desktop_app.engine.cache.embeddings import Embedding, EmbeddingKey, EmbeddingStore
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.conversation.text_stream import TokenDecoder
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.class_token_fix import ClassTokenOrder
from desktop_app.engine.llama.ggml_tensor import Tensor
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
    LoadPlan,
    PictureRef,
    ReadAhead,
    Sampling,
    Turn,
)
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from fidelity.gguf_files import About, write_language_model, write_projector
from fidelity.pictures import picture
from fidelity.shapes import Shape
from fidelity.vocabularies import vocabulary_for
from fidelity.weights import weights

_INPUT = b"inp_raw"  # what llama.cpp calls the tensor of the picture
_SETTINGS = EngineSettings(threads=1)


def write_files(shape: Shape, folder: Path, *, quantised: bool = False) -> ModelFiles:
    """Write both files of a shape; `quantised`: the projector in q8_0."""
    vocabulary = vocabulary_for(shape.family)
    state = weights(shape, vocabulary.rare)
    about = About(shape.family.replace("_", "-"))
    folder.mkdir(parents=True, exist_ok=True)
    model = write_language_model(folder / "model.gguf", shape.text, state, vocabulary, about)
    projector = write_projector(folder / "mmproj.gguf", shape.vision, state, about, quantised=quantised)
    return check_files(model, projector)


def draw(name: str, folder: Path) -> PictureRef:
    """Save one of the pictures as somebody would drop it."""
    path = folder / f"{name}.png"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(name)).save(path, compress_level=1)
    return PictureRef(hashlib.sha256(path.read_bytes()).hexdigest(), str(path), path.name)


class Engine:
    """One loaded model. `kept` is the folder where an engine that follows finds what this one has read."""

    def __init__(self, files: ModelFiles, kept: Path | None = None, *, small: bool = False, n_ctx: int = 2048) -> None:
        """`small`: the conversation is kept in q8_0, with flash attention, as where memory is short."""
        self._heard: list[Event] = []
        self._store = _WatchedStore()
        interrupt = Interrupt()
        settings = _SETTINGS._replace(n_ctx=n_ctx)
        plan = LoadPlan(n_ctx, settings.n_batch, "q8_0") if small else None
        self._model = Model(files, settings, interrupt, plan)
        folders = cache_folders(str(kept) if kept is not None else "", 64)
        self._store.keep_in(folders.embeddings if folders is not None else None)
        self.session = Session(self._model, interrupt, self._store, self._heard.append, folders)

    def close(self) -> None:
        """Leave on the disk what is worth it, and free the model."""
        self.session.settle()
        self.session.close()

    def layout(self, drawn: PictureRef) -> Embedding:
        """Return the tokens of a picture, read as the window lets it read before a question is asked."""
        self.session.read_ahead(ReadAhead(0, (), (drawn,)))
        return self._store.computed[drawn.sha256]

    def ask(self, turns: Sequence[Turn], tokens: int) -> tuple[Finished, npt.NDArray[np.float32]]:
        """Return the greedy answer, and the logits of its last token."""
        self._heard.clear()
        self.session.ask(Ask(0, tuple(turns), Sampling(temperature=0, max_tokens=tokens)), 0.0)
        (finished,) = (event for event in self._heard if isinstance(event, Finished))
        return finished, self._model.logits()

    def remember(self, tokens: Sequence[int]) -> str:
        """Return the text of an answer, and make sure that it stands for these tokens."""
        text = TokenDecoder()
        for token in tokens:
            text.add(token, self._model.vocabulary.piece(token))
        if self.session.prompts.answers.get(text.text) != tuple(tokens):
            self.session.prompts.answers.remember(text.text, tuple(tokens))
        return text.text


class _WatchedStore(EmbeddingStore):
    def __init__(self) -> None:
        super().__init__()
        self.computed: dict[str, Embedding] = {}

    def put(self, key: EmbeddingKey, embedding: Embedding) -> None:
        self.computed[key.sha256] = embedding.copy()
        super().put(key, embedding)


@contextmanager
def watched_input() -> Iterator[list[npt.NDArray[np.float32]]]:
    """Give a list to which every picture is added as llama.cpp puts it into its graph: 3 x side x side, normalised."""
    seen: list[npt.NDArray[np.float32]] = []
    on_node = ClassTokenOrder.on_node

    def watch(order: ClassTokenOrder, address: int) -> None:
        node = Tensor.from_address(address)
        for source in (node.src[0], node.src[1]):
            if source and source.contents.name == _INPUT:
                shape = tuple(source.contents.ne[2::-1])
                pointer = ctypes.cast(source.contents.data, ctypes.POINTER(ctypes.c_float))
                seen.append(np.ctypeslib.as_array(pointer, shape).copy())
        on_node(order, address)

    setattr(ClassTokenOrder, "on_node", watch)  # noqa: B010 - a method is not assigned to lightly
    try:
        yield seen
    finally:
        setattr(ClassTokenOrder, "on_node", on_node)  # noqa: B010
