"""Writes into resources/catalogue.toml how much memory each model needs, as the memory planner computes it.

    PYTHONPATH=. .venv/bin/python packaging/catalogue_memory.py

The shapes are those of the models' own config.json files as published; the sizes of files are the catalogue's.
Both numbers are the least with which such a context is possible: the KV cache in q8_0 and a small copy of the
projector, where that is possible. The planner computes the exact need once it has the headers. Only layers with
attention have a KV cache; the others keep a recurrent state, with its checkpoints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.planning.memory_plan import plan_shape
from desktop_app.engine.planning.recurrent_state import RecurrentState
from model_store.catalogue import Catalogue, Variant, load_catalogue

CATALOGUE = Path(__file__).resolve().parent.parent / "resources" / "catalogue.toml"
_FLOAT = 4  # bytes
_PHOTOGRAPH = 12_000_000 * 4 * 2  # bytes, as in memory_estimate.py
_HUGE = 1 << 50  # bytes: a room in which everything fits
_USUAL = 4096  # tokens of context
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
    attention: int = 0  # layers of the KV cache; 0: all
    state: int = 0  # bytes of the recurrent state of the other layers

    @property
    def cached_layers(self) -> int:
        """Return how many layers have keys and values of their own."""
        return self.attention or self.layers


def gated_delta_net(layers: int, heads: int) -> int:
    """Return the bytes of the recurrent state of Qwen3.5's layers: 16 groups and `heads` of 128 values, 4 inputs."""
    inner, state, groups, inputs = heads * 128, 128, 16, 4
    return layers * _FLOAT * ((inputs - 1) * (inner + 2 * groups * state) + state * inner)


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
    taps: int = 0  # further layers of the decoder that its rows go into (deepstack): rows are so much wider


_VICUNA_7B = Decoder(32, 4096, 32, 32, 11008, 32000, 4096)
_VICUNA_13B = Decoder(40, 5120, 40, 40, 13824, 32000, 4096)
_MISTRAL_7B = Decoder(32, 4096, 32, 8, 14336, 32064, 32768)
_QWEN_7B = Decoder(28, 3584, 28, 4, 18944, 152064, 32768)
_CLIP, _TILED = Tower(), Tower(looks=5)
_SIGLIP = Tower(1152, 4304, 729, 81, 384, 17, shrinks=False)
_SIGLIP_BASE = Tower(768, 3072, 1024, 64, 512, 17, shrinks=False)
_QWEN_TOWER = Tower(1280, 3420, 5476, 1369, 1036, shrinks=False)
_INTERN = Tower(1024, 4096, 1024, 256, 448, 13, shrinks=False)
_QWEN3_TOWER = Tower(1024, 4096, 5120, 1280, 1145, shrinks=False, taps=3)
_QWEN35_TOWER = Tower(1024, 4096, 5120, 1280, 1145, shrinks=False)
_LFM2_TOWER = Tower(1152, 4304, 1024, 256, 512, 11, shrinks=False)
_GEMMA4_TOWER = Tower(768, 3072, 10080, 1120, 1606, shrinks=False)

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
    "qwen3-vl-2b": (Decoder(28, 2048, 16, 8, 6144, 151936, 262144, 128), _QWEN3_TOWER),
    "qwen3-vl-4b": (Decoder(36, 2560, 32, 8, 9728, 151936, 262144, 128), _QWEN3_TOWER),
    "qwen3-vl-8b": (
        Decoder(36, 4096, 32, 8, 12288, 151936, 262144, 128),
        Tower(1152, 4304, 5120, 1280, 1145, shrinks=False, taps=3),
    ),
    "qwen3.5-2b": (
        Decoder(24, 2048, 8, 2, 6144, 248320, 262144, 256, attention=6, state=gated_delta_net(18, 16)),
        _QWEN35_TOWER,
    ),
    "qwen3.5-4b": (
        Decoder(32, 2560, 16, 4, 9216, 248320, 262144, 256, attention=8, state=gated_delta_net(24, 32)),
        _QWEN35_TOWER,
    ),
    "lfm2.5-vl-450m": (
        Decoder(16, 1024, 16, 8, 4608, 65536, 32768, 64, attention=6, state=10 * 2 * 1024 * _FLOAT),
        Tower(768, 3072, 1024, 256, 512, 11, shrinks=False),
    ),
    "lfm2.5-vl-1.6b": (
        Decoder(16, 2048, 32, 8, 8192, 65536, 32768, 64, attention=6, state=10 * 2 * 2048 * _FLOAT),
        _LFM2_TOWER,
    ),
    "lfm2.5-vl-3b": (
        Decoder(30, 2048, 32, 8, 10752, 65536, 32768, 64, attention=8, state=22 * 2 * 2048 * _FLOAT),
        _LFM2_TOWER,
    ),
    # Its later layers use the keys and values of earlier ones. Those of full attention have heads twice as wide, so
    # they count as two.
    "gemma-4-e2b": (Decoder(35, 1536, 8, 1, 12288, 262144, 131072, 256, attention=12 + 2 * 3), _GEMMA4_TOWER),
    "gemma-4-e4b": (Decoder(42, 2560, 8, 2, 10240, 262144, 131072, 256, attention=20 + 2 * 4), _GEMMA4_TOWER),
    "minicpm-v-4.6": (
        Decoder(24, 1024, 8, 2, 3584, 248320, 262144, 256, attention=6, state=gated_delta_net(18, 16)),
        Tower(1152, 4304, 1024, 64, 448, 10, shrinks=False),
    ),
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
    state = RecurrentState(frozenset(range(decoder.layers - decoder.cached_layers)), decoder.state).memory
    taps = tower.taps * decoder.width * _FLOAT * (_USUAL // tower.tokens * tower.tokens)  # of pictures that are kept
    graph = tower.patches * (2 * max(output, tower.feed_forward) + tower.width) + 3 * tower.side**2
    return Shape(
        weights=sum(file.size for file in variant.model_files) + state + taps,
        repackable=0,
        parameters=0,
        trained_context=decoder.context,
        width=decoder.width,
        heads=decoder.heads,
        key_value_width=decoder.kv_heads * head,
        cache_per_token=decoder.cached_layers * decoder.kv_heads * head * 2,
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
