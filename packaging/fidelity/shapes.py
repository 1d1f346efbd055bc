"""The shapes of the compared LLaVAs: fixed ones that the tests use, and any number of random ones."""

from __future__ import annotations

import random
from dataclasses import dataclass

from gguf_writing import CLIP_MEAN, CLIP_STD

HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Vision:
    """A CLIP image tower, and the projector behind it."""

    width: int
    layers: int  # those that LLaVA uses; CLIP has one more
    heads: int
    feed_forward: int
    side: int  # pixels
    patch: int  # pixels
    gelu: bool = False  # between the matrices of the tower; else quick GELU
    eps: float = 1e-5
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD
    linear: bool = False  # the projector is one matrix, as in LLaVA-1.0
    says_layers: bool = True  # the file says which layers to run; those in circulation do not
    loud: float = 1.0  # how much more of the channels that stand out goes into the layers than of others

    @property
    def tokens(self) -> int:
        """Return how many tokens a square picture becomes."""
        return (self.side // self.patch) ** 2


@dataclass(frozen=True)
class Text:
    """A language model."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    head: int = 0  # values per head; 0: the width over the heads
    original: str = "llama"  # what transformers calls it: llama, mistral or phi3
    tied: bool = False  # the output matrix is that of the embeddings
    eps: float = 1e-5
    rope_base: float = 10_000.0
    context: int = 2048

    @property
    def head_size(self) -> int:
        """Return how many values a head has."""
        return self.head or self.width // self.heads

    @property
    def architecture(self) -> str:
        """Return what llama.cpp calls it. It knows no difference between Mistral and Llama."""
        return "phi3" if self.original == "phi3" else "llama"


@dataclass(frozen=True)
class Shape:
    """A whole LLaVA with random weights."""

    name: str
    family: str  # of `desktop_app.chat.families`: decides the vocabulary and the prompt
    vision: Vision
    text: Text
    seed: int = 1


#: What the tests know the reference's results of.
RECORDED = (
    Shape("plain", "vicuna_v1", Vision(64, 2, 2, 128, 56, 14, says_layers=False), Text(64, 2, 4, 4, 96)),
    Shape(
        "grouped",
        "llava_mistral",
        Vision(96, 3, 6, 160, 42, 14, says_layers=False),
        Text(96, 3, 6, 2, 160, original="mistral", rope_base=1e6),
    ),
    Shape(
        "wide heads",
        "bakllava",
        Vision(80, 4, 5, 320, 70, 14),
        Text(80, 2, 5, 1, 224, head=24, original="mistral"),
    ),
    Shape(
        "fused",
        "llava_phi3",
        Vision(72, 3, 3, 96, 28, 7, says_layers=False),
        Text(96, 2, 3, 3, 128, original="phi3"),
    ),
    Shape(
        "grouped and fused",
        "llava_phi3",
        Vision(160, 2, 10, 200, 35, 7),
        Text(128, 2, 4, 2, 192, original="phi3", eps=1e-6),
    ),
    Shape(
        "bytes",
        "llava_llama3",
        Vision(128, 5, 8, 256, 42, 7, gelu=True, says_layers=False),
        Text(112, 3, 7, 1, 160, rope_base=5e5),
    ),
    Shape(
        "tied",
        "vicuna_v1",
        Vision(96, 2, 3, 128, 84, 14, mean=HALF, std=HALF),
        Text(192, 2, 6, 3, 256, tied=True, eps=1e-6),
    ),
    Shape(
        "first",
        "vicuna_v1",
        Vision(112, 3, 7, 448, 56, 14, linear=True, says_layers=False),
        Text(72, 4, 3, 3, 200),
    ),
    Shape(
        "turns end alone",
        "llava_chatml",
        Vision(56, 3, 7, 224, 49, 7, says_layers=False),
        Text(160, 2, 10, 2, 288, head=12, rope_base=5e6),
    ),
    Shape("small", "vicuna_v1", Vision(32, 2, 1, 64, 28, 14, eps=1e-6), Text(48, 1, 1, 1, 64)),
)

#: LLaVA-1.5's own eyes, before a language model of its width but one layer: for a comparison by hand.
REAL_EYES = Shape(
    "real eyes",
    "vicuna_v1",
    Vision(1024, 23, 16, 4096, 336, 14, says_layers=False),
    Text(4096, 1, 32, 32, 512),
)


def shapes_called(which: str) -> tuple[Shape, ...]:
    """Return "tests", those of the tests; "real", that of real size; or, for a number, so many random ones."""
    if which == "tests":
        return RECORDED
    return (REAL_EYES,) if which == "real" else tuple(map(random_shape, range(int(which))))


def random_shape(seed: int) -> Shape:
    """Return one of many: what llama.cpp can load, and nobody would think of."""
    chance = random.Random(seed)
    family = chance.choice(("vicuna_v1", "llava_mistral", "bakllava", "llava_phi3", "llava_llama3", "llava_chatml"))
    originals = {"llava_mistral": "mistral", "bakllava": "mistral", "llava_phi3": chance.choice(("phi3", "llama"))}
    original = originals.get(family, "llama")
    vision_heads, patch = chance.randint(1, 12), chance.choice((7, 14))
    # Half of them can have a small copy: then the width divides into blocks.
    width = vision_heads * 2 * chance.randint(4, 14) if seed % 2 else 32 * vision_heads
    inner = 8 * chance.randint(6, 60) if seed % 2 else 32 * chance.randint(2, 16)
    if inner == width:  # llama.cpp takes the two matrices for each other then; no CLIP has such layers
        inner += 32
    vision = Vision(
        width=width,
        layers=chance.randint(2, 5),
        heads=vision_heads,
        feed_forward=inner,
        side=patch * chance.randint(28 // patch, 84 // patch),
        patch=patch,
        gelu=chance.random() < 0.25,
        eps=chance.choice((1e-5, 1e-6)),
        linear=chance.random() < 0.2,
        says_layers=chance.random() < 0.5,
        loud=chance.choice((1.0, 2.0, 4.0)),
    )
    kv_heads = chance.randint(1, 4)
    heads = kv_heads * chance.randint(1, 4)
    size = 2 * chance.randint(4, 16)
    text = Text(
        # Phi-3 has no head size of its own; the others want a width that their heads divide.
        width=heads * (size if original == "phi3" else chance.randint(-(-32 // heads), 240 // heads)),
        layers=chance.randint(1, 4),
        heads=heads,
        kv_heads=kv_heads,
        feed_forward=8 * chance.randint(6, 60),
        head=size,
        original=original,
        tied=chance.random() < 0.3,
        eps=chance.choice((1e-5, 1e-6)),
        rope_base=chance.choice((1e4, 5e5, 1e6)),
    )
    return Shape(f"random {seed}", family, vision, text, seed)
