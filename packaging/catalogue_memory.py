"""Writes into resources/catalogue.toml how much memory each model needs, as the memory planner computes it.

    PYTHONPATH=. .venv/bin/python packaging/catalogue_memory.py

The shapes are those of the models' own config.json files as published; the sizes of files are the catalogue's.
Both numbers are the least with which such a context is possible: the KV cache in q8_0 and a small copy of the
projector, where that is possible. The planner computes the exact need once it has the headers. Only layers with
attention have a KV cache; the others keep a recurrent state, with its checkpoints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.planning.memory_plan import plan_shape
from desktop_app.engine.planning.recurrent_state import RecurrentState
from model_store.catalogue import Catalogue, Variant, load_catalogue

CATALOGUE = Path(__file__).resolve().parent.parent / "resources" / "catalogue.toml"
_FLOAT = 4  # bytes
_HUGE = 1 << 50  # bytes: a room in which everything fits
_USUAL = 4096  # tokens of context
_STEP = 10_000_000  # bytes: numbers are rounded up to it
_Q8_0 = 34 / 64  # of the size in f16
_QUANTISED = "q8_0"  # in the name of a projector's file: then it has no smaller copy


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
    convolved: int = 0  # values of a token in such a layer of Qwen3.5
    gated: bool = False  # as many values again stand beside the queries of a layer
    mrope: bool = False  # positions have several dimensions
    windowed: bool = False  # some layers see a sliding window only
    own_embeddings: int = 0  # values of a token in the embedding that each layer has of its own (Gemma 4)

    @property
    def cached_layers(self) -> int:
        """Return how many layers have keys and values of their own."""
        return self.attention or self.layers

    @property
    def recurrent_layers(self) -> frozenset[int]:
        """Return as many numbers as there are layers with a recurrent state."""
        return frozenset(range(self.layers - self.cached_layers if self.state else 0))


def qwen35(layers: int, width: int, heads: int, kv_heads: int, feed_forward: int, linear_heads: int) -> Decoder:
    """Return a decoder of Qwen3.5: every fourth layer has attention, the others a gated delta net.

    Such a net has 16 groups and `linear_heads` of 128 values each, and convolves 4 inputs.
    """
    attention = layers // 4
    inner, state, inputs = linear_heads * 128, 128, 4
    convolved = inner + 2 * 16 * state
    size = (layers - attention) * _FLOAT * ((inputs - 1) * convolved + state * inner)
    return Decoder(
        layers, width, heads, kv_heads, feed_forward, 248320, 262144, 256, attention, size, convolved, True, True
    )


@dataclass(frozen=True)
class Tower:
    """What sees: CLIP or a relative of it."""

    width: int = 1024
    feed_forward: int = 4096
    patches: int = 576  # of one look
    tokens: int = 576  # of them for the language model
    side: int = 336  # pixels
    looks: int = 1  # the most that a picture takes
    taps: int = 0  # further layers of the decoder that its rows go into (deepstack): rows are so much wider
    patch: int = 0  # pixels, of one that sees pictures of any size; 0: it sees squares
    gated: bool = False  # its feed-forward parts have a gate
    usual: int = 0  # tokens of a picture of usual shape, if pictures may have any size
    is_freed: bool = True  # can be freed and loaded again between pictures
    at_once: bool = False  # a picture is read in one micro-batch

    def buffers(self, output: int) -> int:
        """Return the values in its graph: see `planning/encoder_memory.py`. `output`: of a row."""
        if self.patch:
            inner = self.feed_forward * (3 if self.gated else 1)
            tapped = self.tokens * 2 * output * self.taps
            return self.patches * (inner + 2 * self.width + 2 * 3 * self.patch**2) + tapped
        graph = self.patches * (2 * max(output, self.feed_forward) + self.width) + 3 * self.side**2
        return graph + self.patches * output


_VICUNA_7B = Decoder(32, 4096, 32, 32, 11008, 32000, 4096)
_VICUNA_13B = Decoder(40, 5120, 40, 40, 13824, 32000, 4096)
_MISTRAL_7B = Decoder(32, 4096, 32, 8, 14336, 32064, 32768)
_QWEN_7B = Decoder(28, 3584, 28, 4, 18944, 152064, 32768)
_CLIP, _TILED = Tower(), Tower(looks=5)
_SIGLIP = Tower(1152, 4304, 729, 81, 384, 17, is_freed=False)
_SIGLIP_BASE = Tower(768, 3072, 1024, 64, 512, 17, is_freed=False)
_QWEN_TOWER = Tower(1280, 3420, 5120, 1280, patch=14, gated=True, usual=999, is_freed=False)
_INTERN = Tower(1024, 4096, 1024, 256, 448, 13)
_QWEN3_TOWER = Tower(1024, 4096, 5120, 1280, taps=3, patch=16, usual=768, is_freed=False)
_QWEN35_TOWER = Tower(1024, 4096, 5120, 1280, patch=16, usual=768, is_freed=False)
_LFM2_TOWER = Tower(1152, 4304, 1024, 256, 512, 11)
_GEMMA4_TOWER = Tower(768, 3072, 10080, 1120, patch=16, gated=True, usual=252, is_freed=False)

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
    "qwen3-vl-2b": (Decoder(28, 2048, 16, 8, 6144, 151936, 262144, 128, mrope=True), _QWEN3_TOWER),
    "qwen3-vl-4b": (Decoder(36, 2560, 32, 8, 9728, 151936, 262144, 128, mrope=True), _QWEN3_TOWER),
    "qwen3-vl-8b": (
        Decoder(36, 4096, 32, 8, 12288, 151936, 262144, 128, mrope=True),
        Tower(1152, 4304, 5120, 1280, taps=3, patch=16, usual=768, is_freed=False),
    ),
    "qwen3.5-2b": (qwen35(24, 2048, 8, 2, 6144, 16), _QWEN35_TOWER),
    "qwen3.5-4b": (qwen35(32, 2560, 16, 4, 9216, 32), _QWEN35_TOWER),
    "lfm2.5-vl-450m": (
        Decoder(16, 1024, 16, 8, 4608, 65536, 32768, 64, attention=6, state=10 * 2 * 1024 * _FLOAT),
        Tower(768, 3072, 1024, 256, 512, 11),
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
    "gemma-4-e2b": (
        Decoder(35, 1536, 8, 1, 12288, 262144, 131072, 256, 12 + 2 * 3, windowed=True, own_embeddings=256),
        _GEMMA4_TOWER,
    ),
    "gemma-4-e4b": (
        Decoder(42, 2560, 8, 2, 10240, 262144, 131072, 256, 20 + 2 * 4, windowed=True, own_embeddings=256),
        _GEMMA4_TOWER,
    ),
    "minicpm-v-4.6": (qwen35(24, 1024, 8, 2, 3584, 16), Tower(1152, 4304, 1024, 64, 448, 10)),
    "moondream2": (Decoder(24, 2048, 32, 32, 8192, 51200, 2048), Tower(1152, 4304, 729, 729, 378, is_freed=False)),
    "smolvlm2-2.2b": (Decoder(24, 2048, 32, 32, 8192, 49280, 8192), _SIGLIP),
    "smolvlm2-500m": (Decoder(32, 960, 15, 5, 2560, 49280, 8192), _SIGLIP_BASE),
    "qwen2.5-vl-3b": (Decoder(36, 2048, 16, 2, 11008, 151936, 128000, mrope=True), _QWEN_TOWER),
    "qwen2.5-vl-7b": (replace(_QWEN_7B, mrope=True), _QWEN_TOWER),
    "gemma-3-4b": (
        Decoder(34, 2560, 8, 4, 10240, 262208, 131072, 256, windowed=True),
        Tower(1152, 4304, 4096, 256, 896, is_freed=False, at_once=True),
    ),
    "minicpm-v-2.6": (_QWEN_7B, Tower(1152, 4304, 1024, 64, 448, 10)),
    "internvl3-1b": (Decoder(24, 896, 14, 2, 4864, 151674, 32768), _INTERN),
    "internvl3-2b": (Decoder(28, 1536, 12, 2, 8960, 151674, 32768), _INTERN),
    "internvl3-8b": (_QWEN_7B, _INTERN),
}


def shape_of(name: str, variant: Variant) -> Shape:
    """Return the shape of a model of the catalogue as the planner would read it from its headers."""
    decoder, tower = SHAPES[name]
    head = decoder.head or decoder.width // decoder.heads
    recurrent = RecurrentState(decoder.recurrent_layers, decoder.state)
    queries = decoder.heads * head
    row = decoder.width * (1 + tower.taps)
    projector = variant.projector.size
    return Shape(
        weights=sum(file.size for file in variant.model_files),
        repackable=0,
        parameters=0,
        trained_context=decoder.context,
        width=decoder.width,
        heads=decoder.heads,
        key_value_width=decoder.kv_heads * head,
        cache_per_token=decoder.cached_layers * decoder.kv_heads * head * 2,
        head_sizes=(head,),
        feed_forward=decoder.feed_forward,
        vocabulary=decoder.vocabulary,
        attention_width=3 * decoder.width + queries * (3 if decoder.gated else 2),
        masks=2 if decoder.windowed else 1,
        state=decoder.state,
        layer_state=decoder.state // max(1, len(recurrent.layers)),
        state_memory=recurrent.memory,
        convolved=decoder.convolved,
        row=row,
        kept=(row + 3 * decoder.width if tower.taps else 0) + 2 * decoder.layers * decoder.own_embeddings,
        saved_whole=bool(recurrent.layers) or decoder.windowed or decoder.mrope,
        projector=projector,
        small_projector=projector if _QUANTISED in variant.projector.name.lower() else int(projector * _Q8_0),
        encoder_buffers=_FLOAT * tower.buffers(decoder.width),
        image_tokens=tower.usual or tower.tokens,
        min_batch=tower.tokens if tower.at_once else 0,
        most_picture_tokens=tower.tokens * tower.looks,
        any_size=bool(tower.patch),
        can_free_projector=tower.is_freed and not decoder.windowed,
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
