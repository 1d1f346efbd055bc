"""Looks at a language model and its projector before llama.cpp gets to see them.

A wrong number in a projector ends the process inside llama.cpp, so everything it takes on trust
is compared here: the types of the values, and the shapes of the tensors with each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NoReturn

from desktop_app.engine.tiled import NEWLINES
from desktop_app.errors import UserError
from model_store.gguf_header import (
    ARRAY_OF,
    BOOL,
    F32,
    I32,
    STRING,
    U32,
    DamagedGGUFError,
    GGUFHeader,
    NotGGUFError,
    read_header,
)

_PROJECTOR_ARCHITECTURE = "clip"
_VISION = "clip.vision."
FEATURE_LAYER = "clip.vision.feature_layer"
# llama.cpp asserts these types when it reads the values.
_KINDS = {
    "general.alignment": U32,
    "general.name": STRING,
    "general.description": STRING,
    "clip.projector_type": STRING,
    "clip.has_vision_encoder": BOOL,
    "clip.has_audio_encoder": BOOL,
    "clip.has_gen_audio_encoder": BOOL,
    "clip.use_gelu": BOOL,
    "clip.use_silu": BOOL,
    "clip.minicpmv_version": I32,
    "clip.minicpmv_query_num": U32,
    "clip.vision.projector_type": STRING,
    "clip.vision.image_size": U32,
    "clip.vision.patch_size": U32,
    "clip.vision.embedding_length": U32,
    "clip.vision.feed_forward_length": U32,
    "clip.vision.block_count": U32,
    "clip.vision.projection_dim": U32,
    "clip.vision.attention.head_count": U32,
    "clip.vision.attention.head_count_kv": U32,
    "clip.vision.attention.head_dim": U32,
    "clip.vision.attention.layer_norm_epsilon": F32,
    "clip.vision.mm_patch_merge_type": STRING,
    "clip.vision.projector.scale_factor": U32,
    "clip.vision.preproc_image_size": U32,
    "clip.vision.n_wa_pattern": U32,
    "clip.vision.spatial_merge_size": U32,
    "clip.vision.image_mean": ARRAY_OF + F32,
    "clip.vision.image_std": ARRAY_OF + F32,
    "clip.vision.image_grid_pinpoints": ARRAY_OF + I32,
    FEATURE_LAYER: ARRAY_OF + I32,
}
LLAVA = "mlp"
QWEN25_VL, GEMMA3, IDEFICS3 = "qwen2.5vl_merger", "gemma3", "idefics3"
#: Projectors that are not LLaVA's -> the matrix that gives their output, and which of its dimensions that is.
_OTHERS = {
    QWEN25_VL: ("mm.2.weight", 1),
    GEMMA3: ("mm.input_projection.weight", 0),
    IDEFICS3: ("mm.model.fc.weight", 1),  # SmolVLM and SmolVLM2
}
_LARGEST_SIDE = 2048  # pixels
_MOST_BLOCKS = 512
_LAYERS_OF_CLIP = {768: 12, 1024: 24, 1280: 32}  # by width: ViT-B, -L and -H


class LastLayer(str, Enum):
    """What is known of the last layer of a tower of which llama.cpp may leave out one too many."""

    NONE = "none"  # no projector
    COMPLETE = "complete"  # the file says which layers to run, or has none to spare
    MISSING = "missing"  # pictures are seen by one layer too few
    CORRECTED = "corrected"  # a copy of the file says it


@dataclass(frozen=True)
class Projector:
    """What a LLaVA projector wants and gives."""

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
    at_once: int = 0  # image tokens that must be evaluated in one go
    small: bool = False  # whether `path` is a copy with large matrices in q8_0


@dataclass(frozen=True)
class ModelFiles:
    """A language model and, maybe, its projector; both headers hold together."""

    model: Path
    header: GGUFHeader
    projector: Projector | None

    @property
    def context_length(self) -> int:
        """Return the number of tokens the model was trained for, 0 when it does not say."""
        return self.header.integer(f"{self.header.architecture}.context_length") or 0


def check_files(model: Path, mmproj: Path | None) -> ModelFiles:
    """Read both headers and compare them.

    Raises `UserError`: model-missing, model-damaged, swapped-files, projector-damaged,
    not-a-projector, projector-unsupported or projector-mismatch.
    """
    header = _header(model, "model-damaged")
    return check_headers(model, header, mmproj, _header(mmproj, "projector-damaged") if mmproj is not None else None)


def check_headers(
    model: Path, header: GGUFHeader, mmproj: Path | None, projector_header: GGUFHeader | None
) -> ModelFiles:
    """Compare two headers, of files that need not be here yet. Raises `UserError` as `check_files`."""
    if header.architecture == _PROJECTOR_ARCHITECTURE:
        raise UserError("swapped-files", name=model.name)
    width = header.integer(f"{header.architecture}.embedding_length")
    if not header.architecture or not width or "token_embd.weight" not in header.tensors:
        raise UserError("model-damaged", name=model.name)
    if mmproj is None or projector_header is None:
        return ModelFiles(model, header, None)
    if projector_header.architecture != _PROJECTOR_ARCHITECTURE:
        raise UserError("not-a-projector", name=mmproj.name)
    projector = _ProjectorCheck(mmproj, projector_header).projector()
    if projector.width != width:
        raise UserError(
            "projector-mismatch",
            projector=mmproj.name,
            model=model.name,
            projector_width=projector.width,
            model_width=width,
        )
    return ModelFiles(model, header, projector)


def _header(path: Path, damaged: str) -> GGUFHeader:
    try:
        return read_header(path)
    except (NotGGUFError, DamagedGGUFError) as error:
        raise UserError(damaged, name=path.name) from error
    except FileNotFoundError as error:
        raise UserError("model-missing", name=path.name) from error
    except OSError as error:
        raise UserError("file-unreadable", name=path.name) from error


class _ProjectorCheck:
    """Compares what a projector of the LLaVA kind (CLIP and one or two layers) says about itself."""

    def __init__(self, path: Path, header: GGUFHeader) -> None:
        self._path = path
        self._header = header

    def projector(self) -> Projector:
        kind = self._header.text("clip.projector_type") or self._header.text("clip.vision.projector_type") or LLAVA
        if kind not in (LLAVA, *_OTHERS) or (kind == LLAVA and "mm.3.weight" in self._header.tensors):
            raise UserError("projector-unsupported", name=self._path.name, kind=kind)
        for key, value_kind in self._header.kinds.items():
            if _KINDS.get(key, value_kind) != value_kind:
                self._refuse()
        if self._header.metadata.get("clip.has_vision_encoder") is not True:
            self._refuse()
        if self._header.metadata.get("clip.has_audio_encoder") is True:
            self._refuse()
        side, patch = self._number("image_size", _LARGEST_SIDE), self._number("patch_size", 64)
        width = self._number("embedding_length", 1 << 16)
        if side % patch or width % self._number("attention.head_count", 1024):
            self._refuse()
        mean = self._header.numbers(_VISION + "image_mean")
        std = self._header.numbers(_VISION + "image_std")
        if (
            len(mean) < 3
            or len(std) < 3
            or not all(0 <= m <= 1 and 0 < s <= 10 for m, s in zip(mean, std, strict=False))
        ):
            self._refuse()
        if kind in _OTHERS:
            return self._other(kind, side, patch, width)
        has_class = "v.class_embd" in self._header.tensors
        places = (side // patch) ** 2 + int(has_class)
        self._shape("v.patch_embd.weight", patch, patch, 3, width)
        self._shape("v.position_embd.weight", width, places)
        self._shape("v.class_embd", width, optional=True)
        self._shape("v.patch_embd.bias", width, optional=True)
        self._tower(width)
        output = self._output_width(width)
        for newline in NEWLINES:
            self._shape(newline, output, optional=True)
        return Projector(
            self._path,
            self._path,
            side,
            (int(mean[0] * 255), int(mean[1] * 255), int(mean[2] * 255)),
            output,
            has_class,
            LastLayer.MISSING if has_class and self._runs_short(width) else LastLayer.COMPLETE,
            "mm.2.weight" not in self._header.tensors,
            self._header,
        )

    def _other(self, kind: str, side: int, patch: int, width: int) -> Projector:
        """Compare what mtmd takes on trust in a projector that it prepares pictures for by itself."""
        self._shape("v.patch_embd.weight", patch, patch, 3, width)
        self._tower(width)
        at_once = 0
        if kind == QWEN25_VL:
            self._shape("v.patch_embd.weight.1", patch, patch, 3, width)
            self._number("n_wa_pattern", _MOST_BLOCKS)
            for index in range(self._number("block_count", _MOST_BLOCKS)):
                for name in ("attn_q", "attn_k", "attn_v"):
                    self._shape(f"v.blk.{index}.{name}.bias", width)
        else:
            self._shape("v.position_embd.weight", width, (side // patch) ** 2)
            merged = self._header.integer(_VISION + "projector.scale_factor") or 4
            if not 1 <= merged <= side // patch or side // patch % merged:
                self._refuse()
            at_once = (side // patch // merged) ** 2 if kind == GEMMA3 else 0
        name, dimension = _OTHERS[kind]
        tensor = self._header.tensors.get(name)
        if tensor is None or len(tensor.shape) != 2:
            self._refuse()
        output = tensor.shape[dimension]
        whole = LastLayer.COMPLETE
        return Projector(
            self._path, self._path, side, (0, 0, 0), output, False, whole, False, self._header, kind, at_once
        )

    def _runs_short(self, width: int) -> bool:
        """Return whether the converter has left out CLIP's last layer, and nothing keeps llama.cpp from another.

        A file with all layers is right as it is: there the one that llama.cpp leaves out is the last.
        """
        blocks = self._number("block_count", _MOST_BLOCKS)
        return (
            FEATURE_LAYER not in self._header.metadata
            and self._header.metadata.get("clip.has_llava_projector") is True
            and _LAYERS_OF_CLIP.get(width) != blocks
        )

    def _tower(self, width: int) -> None:
        inner = self._number("feed_forward_length", 1 << 20)
        blocks = self._number("block_count", _MOST_BLOCKS)
        if not all(0 <= layer <= blocks for layer in self._header.numbers(_VISION + "feature_layer")):
            self._refuse()
        for norm in ("v.pre_ln", "v.post_ln"):
            self._shape(f"{norm}.weight", width, optional=True)
            self._shape(f"{norm}.bias", width, optional=True)
        for index in range(blocks):
            block = f"v.blk.{index}."
            for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
                self._shape(f"{block}{name}.weight", width, width)
                self._shape(f"{block}{name}.bias", width, optional=True)
            for name in ("ln1", "ln2"):
                self._shape(f"{block}{name}.weight", width)
                self._shape(f"{block}{name}.bias", width, optional=True)
            # Old converters wrote the two under each other's name; llama.cpp knows and swaps them.
            up, down = f"{block}ffn_up", f"{block}ffn_down"
            if self._header.tensors.get(f"{up}.weight") and self._header.tensors[f"{up}.weight"].shape[0] != width:
                up, down = down, up
            self._shape(f"{up}.weight", width, inner)
            self._shape(f"{down}.weight", inner, width)
            self._shape(f"{up}.bias", inner, optional=True)
            self._shape(f"{down}.bias", width, optional=True)

    def _output_width(self, width: int) -> int:
        first, second = (self._header.tensors.get(f"mm.{number}.weight") for number in (0, 2))
        if first is None or len(first.shape) != 2:
            self._refuse()
        middle = first.shape[1]
        self._shape("mm.0.weight", width, middle)
        self._shape("mm.0.bias", middle)
        if second is None:
            if self._header.tensors["mm.0.bias"].kind != "F32" or "mm.2.bias" in self._header.tensors:
                self._refuse()
            return middle
        if len(second.shape) != 2:
            self._refuse()
        output = second.shape[1]
        self._shape("mm.2.weight", middle, output)
        self._shape("mm.2.bias", output)
        return output

    def _number(self, key: str, most: int) -> int:
        number = self._header.integer(_VISION + key)
        if number is None or not 1 <= number <= most:
            self._refuse()
        return number

    def _shape(self, name: str, *shape: int, optional: bool = False) -> None:
        tensor = self._header.tensors.get(name)
        if tensor is None:
            if not optional:
                self._refuse()
            return
        # A vector may be written with further dimensions of 1.
        if tuple(n for n in tensor.shape if n != 1) != tuple(n for n in shape if n != 1):
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise UserError("projector-damaged", name=self._path.name)
