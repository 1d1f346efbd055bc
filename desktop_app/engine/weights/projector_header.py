"""What a projector is: its kind, and what it wants and gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from model_store.gguf_header import GGUFHeader

LLAVA = "mlp"
QWEN25_VL, GEMMA3, IDEFICS3 = "qwen2.5vl_merger", "gemma3", "idefics3"  # the last: SmolVLM and SmolVLM2
INTERNVL, MINICPM_V = "internvl", "resampler"
FEATURE_LAYER = "clip.vision.feature_layer"
#: The token that ends each line of image tokens. No LLaVA but 1.6 has it.
NEWLINES = ("model.image_newline", "v.image_newline")


def kind_of(projector: GGUFHeader) -> str:
    """Return the kind of a projector, as llama.cpp names it."""
    return projector.text("clip.projector_type") or projector.text("clip.vision.projector_type") or LLAVA


class LastLayer(str, Enum):
    """What is known of the last layer of a tower of which llama.cpp may leave out one too many."""

    NONE = "none"  # no projector
    COMPLETE = "complete"  # the file says which layers to run, or has none to spare
    MISSING = "missing"  # pictures are seen by one layer too few
    CORRECTED = "corrected"  # a copy of the file says it


@dataclass(frozen=True)
class Projector:
    """What of a projector is known without loading it."""

    path: Path  # of the file to load
    chosen: Path  # the file of the person, of which `path` may be a copy
    side: int  # pixels: the square picture it looks at
    fill: tuple[int, int, int]  # RGB of what is added to make a picture square
    width: int  # values per image token
    has_class_embedding: bool
    last_layer: LastLayer
    linear: bool  # one matrix, as in LLaVA-1.0: llama.cpp needs a copy with two
    header: GGUFHeader  # of `chosen`
    kind: str = LLAVA
    min_batch: int = 0  # image tokens that must be evaluated in one go
    small: bool = False  # whether `path` is a copy with large matrices in q8_0
