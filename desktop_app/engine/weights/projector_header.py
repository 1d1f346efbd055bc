"""Describes a projector from its GGUF header: its kind, the pictures it takes, and the embeddings it makes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from model_store.gguf_header import GGUFHeader
from model_store.projector_kinds import LLAVA

FEATURE_LAYER = "clip.vision.feature_layer"
#: Which activation the image encoder has: if none of them is there, llama.cpp takes CLIP's quick GELU.
USE_GELU, USE_SILU = "clip.use_gelu", "clip.use_silu"
#: Whether sounds can be encoded too, or made.
HEARING = ("clip.has_audio_encoder", "clip.has_gen_audio_encoder")
#: The embedding that ends each line of image tokens. Only LLaVA-1.6 has it.
NEWLINES = ("model.image_newline", "v.image_newline")


class LastLayer(str, Enum):
    """Whether llama.cpp runs the last layer of the image encoder that it should (see `projector_copy.py`)."""

    NONE = "none"  # no projector
    COMPLETE = "complete"  # all layers that should run do run
    MISSING = "missing"  # one layer too few runs
    CORRECTED = "corrected"  # a copy of the file tells llama.cpp which layers to run


class Activation(str, Enum):
    """Whether llama.cpp computes the activation that the image encoder was trained with (see `projector_copy.py`)."""

    NONE = "none"  # no projector
    RIGHT = "right"
    UNSTATED = "unstated"  # the file does not say which, and llama.cpp takes another one
    CORRECTED = "corrected"  # a copy of the file says which


@dataclass(frozen=True)
class Projector:
    """What is known about a projector without loading it."""

    path: Path  # of the file to load
    chosen: Path  # the file that the user chose; `path` may be a copy of it
    side: int  # pixels: the edge of the square pictures it takes
    fill: tuple[int, int, int]  # RGB of the padding that makes a picture square
    width: int  # values per image token, with those that go into several layers (deepstack)
    has_class_embedding: bool
    last_layer: LastLayer
    linear: bool  # one matrix, as in LLaVA-1.0: llama.cpp needs a copy with two
    header: GGUFHeader  # of `chosen`
    kind: str = LLAVA
    min_batch: int = 0  # image tokens that must be in one micro-batch
    small: bool = False  # whether `path` is a copy with large matrices in q8_0
    activation: Activation = Activation.RIGHT
    hears: bool = False  # whether it encodes sounds as well, which only a copy without that keeps out of memory


def parts_that_hear(projector: GGUFHeader) -> frozenset[str]:
    """Return the names of the tensors that encode sounds."""
    return frozenset(name for name in projector.tensors if name.startswith(("a.", "mm.a.")))
