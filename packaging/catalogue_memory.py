"""Writes into resources/catalogue.toml how much memory each model needs, as the memory planner computes it.

    PYTHONPATH=. .venv/bin/python packaging/catalogue_memory.py

The shapes are those of the models' own config.json files as published; the sizes of files are the catalogue's.
Both numbers are the least with which such a context is possible: the KV cache in q8_0 and a small copy of the
projector, where that is possible. The planner computes the exact need once it has the headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.planning.memory_plan import plan_shape
from model_store.catalogue import Catalogue, Variant, load_catalogue

CATALOGUE = Path(__file__).resolve().parent.parent / "resources" / "catalogue.toml"
_FLOAT = 4  # bytes
_PHOTOGRAPH = 12_000_000 * 4 * 2  # bytes, as in memory_estimate.py
_HUGE = 1 << 50  # bytes: a room in which everything fits
_STEP = 10_000_000  # bytes: numbers are rounded up to it
_Q8_0 = 34 / 64  # of the size in f16


@dataclass(frozen=True)
class Decoder:
    """A language model."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    context: int
    head: int = 0  # values of a head; 0: width / heads


@dataclass(frozen=True)
class Tower:
    """What sees: CLIP or a relative of it."""

    width: int = 1024
    feed_forward: int = 4096
    patches: int = 576  # of one look
    tokens: int = 576  # of them for the language model
    side: int = 336  # pixels
    looks: int = 1  # the most that a picture takes
    shrinks: bool = True  # has a copy in q8_0


_VICUNA_7B = Decoder(32, 4096, 32, 32, 11008, 32000, 4096)
_VICUNA_13B = Decoder(40, 5120, 40, 40, 13824, 32000, 4096)
_MISTRAL_7B = Decoder(32, 4096, 32, 8, 14336, 32064, 32768)
_QWEN_7B = Decoder(28, 3584, 28, 4, 18944, 152064, 32768)
_CLIP, _TILED = Tower(), Tower(looks=5)
_SIGLIP = Tower(1152, 4304, 729, 81, 384, 17, shrinks=False)
_SIGLIP_BASE = Tower(768, 3072, 1024, 64, 512, 17, shrinks=False)
_QWEN_TOWER = Tower(1280, 3420, 5476, 1369, 1036, shrinks=False)
_INTERN = Tower(1024, 4096, 1024, 256, 448, 13, shrinks=False)

SHAPES: dict[str, tuple[Decoder, Tower]] = {
    "llava-1.5-7b": (_VICUNA_7B, _CLIP),
    "llava-1.5-13b": (_VICUNA_13B, _CLIP),
    "llava-1.6-mistral-7b": (_MISTRAL_7B, _TILED),
    "llava-1.6-vicuna-7b": (_VICUNA_7B, _TILED),
    "llava-1.6-vicuna-13b": (_VICUNA_13B, _TILED),
    "llava-1.6-34b": (Decoder(60, 7168, 56, 8, 20480, 64000, 4096), _TILED),
    "llava-phi-3-mini": (Decoder(32, 3072, 32, 32, 8192, 32064, 4096), _CLIP),
    "llava-llama-3-8b": (Decoder(32, 4096, 32, 8, 14336, 128256, 8192), _CLIP),
    "bakllava-1": (_MISTRAL_7B, _CLIP),
    "moondream2": (Decoder(24, 2048, 32, 32, 8192, 51200, 2048), Tower(1152, 4304, 729, 729, 378, shrinks=False)),
    "smolvlm2-2.2b": (Decoder(24, 2048, 32, 32, 8192, 49280, 8192), _SIGLIP),
    "smolvlm2-500m": (Decoder(32, 960, 15, 5, 2560, 49280, 8192), _SIGLIP_BASE),
    "qwen2.5-vl-3b": (Decoder(36, 2048, 16, 2, 11008, 151936, 128000), _QWEN_TOWER),
    "qwen2.5-vl-7b": (_QWEN_7B, _QWEN_TOWER),
    "gemma-3-4b": (Decoder(34, 2560, 8, 4, 10240, 262208, 131072, 256), Tower(1152, 4304, 4096, 256, 896, 1, False)),
    "minicpm-v-2.6": (_QWEN_7B, Tower(1152, 4304, 1024, 64, 448, 10, shrinks=False)),
    "internvl3-1b": (Decoder(24, 896, 14, 2, 4864, 151674, 32768), _INTERN),
    "internvl3-2b": (Decoder(28, 1536, 12, 2, 8960, 151674, 32768), _INTERN),
    "internvl3-8b": (_QWEN_7B, _INTERN),
}


def shape_of(name: str, variant: Variant) -> Shape:
    """Return the shape of a model of the catalogue as the planner would read it from its headers."""
    decoder, tower = SHAPES[name]
    head = decoder.head or decoder.width // decoder.heads
    projector = variant.projector.size
    output = decoder.width
    graph = tower.patches * (2 * max(output, tower.feed_forward) + tower.width) + 3 * tower.side**2
    return Shape(
        weights=sum(file.size for file in variant.model_files),
        repackable=0,
        parameters=0,
        trained_context=decoder.context,
        width=decoder.width,
        heads=decoder.heads,
        key_value_width=decoder.kv_heads * head,
        cache_per_token=decoder.layers * decoder.kv_heads * head * 2,
        head_sizes=(head, head),
        feed_forward=decoder.feed_forward,
        vocabulary=decoder.vocabulary,
        projector=projector,
        small_projector=int(projector * _Q8_0) if tower.shrinks else projector,
        encoder_buffers=_FLOAT * (graph + tower.patches * output) + _PHOTOGRAPH,
        image_tokens=tower.tokens,
        most_picture_tokens=tower.tokens * tower.looks,
    )


def needed(name: str, variant: Variant) -> tuple[int, int]:
    """Return the bytes needed with 2048 and with 4096 tokens; a model that was trained for less gets the same twice."""
    found = plan_shape(shape_of(name, variant), EngineSettings(), MemoryBudget(_HUGE, _HUGE)).needed_at
    least = min(found.values())
    return _rounded(found.get(2048, least)), _rounded(found.get(4096, least))


def rewritten(text: str, catalogue: Catalogue) -> str:
    """Return the catalogue's text with the numbers of now, in the order of its entries."""
    numbers = iter([needed(entry.id, variant) for entry in catalogue for variant in entry.variants])

    def replace(_found: re.Match[str]) -> str:
        short, usual = next(numbers)
        return f"memory_2048 = {short:_}\nmemory_4096 = {usual:_}\n"

    return re.sub(r"memory_2048 = \S+\nmemory_4096 = \S+\n", replace, text)


def _rounded(size: int) -> int:
    return -(-size // _STEP) * _STEP


if __name__ == "__main__":
    CATALOGUE.write_text(rewritten(CATALOGUE.read_text("utf-8"), load_catalogue(CATALOGUE)), "utf-8")
