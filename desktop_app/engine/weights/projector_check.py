"""Checks the GGUF header of a projector before llama.cpp loads it.

A wrong number in a projector makes llama.cpp end the process. So everything that it does not check itself is checked
here: the types of the values, and the shapes of the tensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from desktop_app.engine.weights.projector_header import (
    FEATURE_LAYER,
    GEMMA3,
    IDEFICS3,
    INTERNVL,
    MINICPM_V,
    NEWLINES,
    QWEN25_VL,
    LastLayer,
    Projector,
)
from desktop_app.errors import UserError
from model_store.gguf_header import ARRAY_OF, BOOL, F32, I32, STRING, U32, GGUFHeader
from model_store.projector_kinds import LLAVA, kind_of

_VISION = "clip.vision."
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
    "clip.vision.preproc_min_tiles": U32,
    "clip.vision.preproc_max_tiles": U32,
    "clip.vision.n_wa_pattern": U32,
    "clip.vision.spatial_merge_size": U32,
    "clip.vision.image_mean": ARRAY_OF + F32,
    "clip.vision.image_std": ARRAY_OF + F32,
    "clip.vision.image_grid_pinpoints": ARRAY_OF + I32,
    FEATURE_LAYER: ARRAY_OF + I32,
}
#: Kinds of projectors other than LLaVA's -> the matrix that makes their output, and the dimension of the output.
_OTHERS = {
    QWEN25_VL: ("mm.2.weight", 1),
    GEMMA3: ("mm.input_projection.weight", 0),
    IDEFICS3: ("mm.model.fc.weight", 1),
    INTERNVL: ("mm.model.mlp.3.weight", 1),
    MINICPM_V: ("resampler.proj.weight", 0),
}
_LARGEST_SIDE = 2048  # pixels
_MOST_BLOCKS = 512
_MOST_TILES = 64
_MINICPM_V_2_6 = 3  # the number of this version of MiniCPM-V in llama.cpp
_POSITIONS = 70  # along an edge for MiniCPM-V, whatever the size of the picture
_RESAMPLER_HEAD, _DEFAULT_QUERIES = 128, 64  # values per head, and tokens per part, as llama.cpp assumes
LAYERS_OF_CLIP = {768: 12, 1024: 24, 1280: 32}  # by width: ViT-B, -L and -H


class ProjectorCheck:
    """Checks that the values and tensors of a projector are consistent."""

    def __init__(self, path: Path, header: GGUFHeader) -> None:
        self._path = path
        self._header = header

    def projector(self) -> Projector:
        """Return the checked projector. Raises `UserError` (projector-damaged, projector-unsupported)."""
        kind = kind_of(self._header)
        version = self._header.integer("clip.minicpmv_version")
        other_llava = kind == LLAVA and "mm.3.weight" in self._header.tensors
        if kind not in (LLAVA, *_OTHERS) or other_llava or (kind == MINICPM_V and version != _MINICPM_V_2_6):
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
            LastLayer.MISSING if has_class and self._skips_a_layer(width) else LastLayer.COMPLETE,
            "mm.2.weight" not in self._header.tensors,
            self._header,
        )

    def _other(self, kind: str, side: int, patch: int, width: int) -> Projector:
        """Check what mtmd assumes about a projector that is not LLaVA's."""
        self._shape("v.patch_embd.weight", patch, patch, 3, width)
        self._tower(width)
        min_batch = 0
        if kind == INTERNVL:
            self._internvl(side // patch, width)
        elif kind == MINICPM_V:
            self._minicpm_v(width)
        elif kind == QWEN25_VL:
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
            min_batch = (side // patch // merged) ** 2 if kind == GEMMA3 else 0
        name, dimension = _OTHERS[kind]
        tensor = self._header.tensors.get(name)
        if tensor is None or len(tensor.shape) != 2:
            self._refuse()
        output = tensor.shape[dimension]
        whole, has_class = LastLayer.COMPLETE, "v.class_embd" in self._header.tensors
        return Projector(
            self._path, self._path, side, (0, 0, 0), output, has_class, whole, False, self._header, kind, min_batch
        )

    def _internvl(self, patches: int, width: int) -> None:
        self._shape("v.class_embd", width)
        self._shape("v.patch_embd.bias", width, optional=True)
        self._shape("v.position_embd.weight", width, patches**2 + 1)
        for index in range(self._number("block_count", _MOST_BLOCKS)):
            for name in ("ls1", "ls2", "attn_q_norm", "attn_k_norm"):
                self._shape(f"v.blk.{index}.{name}.weight", width, optional=True)
        merged = self._number("projector.scale_factor", patches)
        if patches % merged:
            self._refuse()
        if "clip.vision.preproc_max_tiles" in self._header.metadata:
            self._number("preproc_max_tiles", _MOST_TILES)
        first, second, last = (f"mm.model.mlp.{number}" for number in (0, 1, 3))
        for kind in ("weight", "bias"):
            self._shape(f"{first}.{kind}", width * merged**2)
        middle, output = (self._rows(f"{name}.weight") for name in (second, last))
        self._shape(f"{second}.weight", width * merged**2, middle)
        self._shape(f"{second}.bias", middle)
        self._shape(f"{last}.weight", middle, output)
        self._shape(f"{last}.bias", output)

    def _minicpm_v(self, width: int) -> None:
        if "v.class_embd" in self._header.tensors or "resampler.pos_embed_k" not in self._header.tensors:
            self._refuse()
        self._shape("v.patch_embd.bias", width, optional=True)
        self._shape("v.position_embd.weight", width, _POSITIONS**2)
        output, queries = (self._rows(f"resampler.{name}") for name in ("proj.weight", "query"))
        stated = self._header.integer("clip.minicpmv_query_num") or _DEFAULT_QUERIES
        if output % _RESAMPLER_HEAD or stated != queries:
            self._refuse()
        self._shape("resampler.query", output, queries)
        self._shape("resampler.proj.weight", output, output)
        self._shape("resampler.kv.weight", width, output)
        for name in ("q", "k", "v", "out"):
            self._shape(f"resampler.attn.{name}.weight", output, output)
            self._shape(f"resampler.attn.{name}.bias", output)
        for name in ("q", "kv", "post"):
            self._shape(f"resampler.ln_{name}.weight", output)
            self._shape(f"resampler.ln_{name}.bias", output)

    def _rows(self, name: str) -> int:
        """Return the number of output values of a matrix."""
        tensor = self._header.tensors.get(name)
        if tensor is None or len(tensor.shape) != 2:
            self._refuse()
        return tensor.shape[1]

    def _skips_a_layer(self, width: int) -> bool:
        """Return whether the converter left out CLIP's last layer, and llama.cpp would skip one more.

        A file with all layers is right as it is: there llama.cpp skips the last one.
        """
        blocks = self._number("block_count", _MOST_BLOCKS)
        return (
            FEATURE_LAYER not in self._header.metadata
            and self._header.metadata.get("clip.has_llava_projector") is True
            and LAYERS_OF_CLIP.get(width) != blocks
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
            # Old converters swapped the names of the two; llama.cpp swaps them back.
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
