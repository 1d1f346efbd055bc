"""The GGUF header of a projector, with questions that raise `UserError` (projector-damaged) when it does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from desktop_app.engine.weights.projector_header import LastLayer, Projector
from desktop_app.errors import UserError
from model_store.gguf_header import GGUFHeader
from model_store.projector_kinds import LLAVA, kind_of

_VISION = "clip.vision."
_PINPOINTS = _VISION + "image_grid_pinpoints"
_LARGEST_SIDE, _LARGEST_PATCH = 2048, 64  # pixels
_MOST_HEADS, _MOST_VALUES = 1024, 1 << 16
MOST_BLOCKS = 512
_MOST_INNER = 1 << 20


class CheckedHeader:
    """What every projector says, checked; and ways to check the rest."""

    def __init__(self, path: Path, header: GGUFHeader) -> None:
        """Raises `UserError` (projector-damaged) if the pictures it takes or its width make no sense."""
        self._path = path
        self.header = header
        self.kind = kind_of(header)
        self.side, self.patch = self.number("image_size", _LARGEST_SIDE), self.number("patch_size", _LARGEST_PATCH)
        self.width = self.number("embedding_length", _MOST_VALUES)
        self.heads = self.number("attention.head_count", _MOST_HEADS)
        if self.side < self.patch or self.width % self.heads:  # what is left of a side besides its patches is not seen
            self.refuse()
        for key, expected in (("head_count_kv", self.heads), ("head_dim", self.width // self.heads)):
            if header.integer(f"{_VISION}attention.{key}") not in (None, expected):
                self.refuse()
        if self.kind != LLAVA and _PINPOINTS in header.metadata:  # llama.cpp would cut pictures by them all the same
            self.refuse()
        self.mean = header.numbers(_VISION + "image_mean")
        std = header.numbers(_VISION + "image_std")
        normal = all(0 <= m <= 1 and 0 < s <= 10 for m, s in zip(self.mean, std, strict=False))
        if len(self.mean) < 3 or len(std) < 3 or not normal:
            self.refuse()

    @property
    def patches(self) -> int:
        """Return how many whole patches there are along an edge of the square that the projector was trained with."""
        return self.side // self.patch

    def has(self, name: str) -> bool:
        """Return whether there is a tensor of this name."""
        return name in self.header.tensors

    def number(self, key: str, most: int) -> int:
        """Return a number of the image encoder from 1 to `most`."""
        number = self.header.integer(_VISION + key)
        if number is None or not 1 <= number <= most:
            self.refuse()
        return number

    def blocks(self) -> range:
        """Return the numbers of the layers."""
        return range(self.number("block_count", MOST_BLOCKS))

    def inner(self) -> int:
        """Return the width of the feed-forward layers."""
        return self.number("feed_forward_length", _MOST_INNER)

    def shape(self, name: str, *shape: int, optional: bool = False) -> None:
        """Check the shape of a tensor: of a matrix, the values that it takes and those that it makes."""
        tensor = self.header.tensors.get(name)
        if tensor is None:
            if not optional:
                self.refuse()
            return
        # A vector may be written with further dimensions of 1.
        if tuple(n for n in tensor.shape if n != 1) != tuple(n for n in shape if n != 1):
            self.refuse()

    def norm(self, name: str, width: int, *, optional: bool = False) -> None:
        """Check the weight and the bias of a norm."""
        for kind in ("weight", "bias"):
            self.shape(f"{name}.{kind}", width, optional=optional)

    def linear(self, name: str, columns: int, rows: int, *, bias_optional: bool = False) -> None:
        """Check a matrix that makes `rows` values of `columns`, and its bias."""
        self.shape(f"{name}.weight", columns, rows)
        self.shape(f"{name}.bias", rows, optional=bias_optional)

    def output(self, name: str, dimension: int = 1) -> int:
        """Return one dimension of a matrix, by default the number of values that it makes."""
        tensor = self.header.tensors.get(name)
        if tensor is None or len(tensor.shape) != 2:
            self.refuse()
        return tensor.shape[dimension]

    def length(self, name: str, dimension: int) -> int:
        """Return one dimension of a tensor, the fastest being 0."""
        tensor = self.header.tensors.get(name)
        if tensor is None or len(tensor.shape) <= dimension:
            self.refuse()
        return tensor.shape[dimension]

    def tower(self) -> None:
        """Check the layers of an image encoder with a matrix each for queries, keys and values."""
        width, inner, blocks = self.width, self.inner(), self.blocks()
        if not all(0 <= layer <= len(blocks) for layer in self.header.numbers(_VISION + "feature_layer")):
            self.refuse()
        for norm in ("v.pre_ln", "v.post_ln"):
            self.norm(norm, width, optional=True)
        for index in blocks:
            block = f"v.blk.{index}."
            for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
                self.linear(block + name, width, width, bias_optional=True)
            for name in ("ln1", "ln2"):
                self.shape(f"{block}{name}.weight", width)
                self.shape(f"{block}{name}.bias", width, optional=True)
            # Old converters swapped the names of the two; llama.cpp swaps them back.
            up, down = f"{block}ffn_up", f"{block}ffn_down"
            if self.has(f"{up}.weight") and self.header.tensors[f"{up}.weight"].shape[0] != width:
                up, down = down, up
            self.shape(f"{up}.weight", width, inner)
            self.shape(f"{down}.weight", inner, width)
            self.shape(f"{up}.bias", inner, optional=True)
            self.shape(f"{down}.bias", width, optional=True)

    def projector(self, output: int, **known: Any) -> Projector:
        """Return the projector; `output`: values per image token, `known`: further fields of `Projector`."""
        fields: dict[str, Any] = {
            "fill": (0, 0, 0),
            "has_class_embedding": self.has("v.class_embd"),
            "last_layer": LastLayer.COMPLETE,
            "linear": False,
            "kind": self.kind,
        }
        return Projector(
            path=self._path, chosen=self._path, side=self.side, width=output, header=self.header, **(fields | known)
        )

    def refuse(self) -> NoReturn:
        """Say that the file is damaged."""
        raise UserError("projector-damaged", name=self._path.name)
