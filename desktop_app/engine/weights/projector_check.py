"""Checks the GGUF header of a projector before llama.cpp loads it.

A wrong number in a projector makes llama.cpp end the process. So everything that it does not check itself is checked
here and in `projector_checks/`: the types of the values, and the shapes of the tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from desktop_app.engine.weights.decoder_check import NO_WEIGHTS
from desktop_app.engine.weights.projector_checks import (
    gemma4,
    internvl,
    lfm2,
    llava,
    minicpm_v,
    minicpm_v46,
    qwen3_vl,
    qwen25_vl,
    siglip,
)
from desktop_app.engine.weights.projector_checks.checked_header import CheckedHeader
from desktop_app.engine.weights.projector_header import FEATURE_LAYER, HEARING, Projector, parts_that_hear
from desktop_app.errors import UserError
from model_store.gguf_header import ARRAY_OF, BOOL, F32, I32, STRING, U32, GGUFHeader
from model_store.projector_kinds import (
    GEMMA3,
    GEMMA4,
    IDEFICS3,
    INTERNVL,
    LFM2,
    LLAVA,
    MINICPM_V,
    MINICPM_V46,
    QWEN3_VL,
    QWEN25_VL,
    kind_of,
)

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
    "clip.vision.wa_layer_indexes": ARRAY_OF + I32,
    "clip.vision.is_deepstack_layers": ARRAY_OF + BOOL,
    "clip.vision.image_mean": ARRAY_OF + F32,
    "clip.vision.image_std": ARRAY_OF + F32,
    "clip.vision.image_grid_pinpoints": ARRAY_OF + I32,
    FEATURE_LAYER: ARRAY_OF + I32,
}
_CHECKS: dict[str, Callable[[CheckedHeader], Projector]] = {
    LLAVA: llava.check,
    QWEN25_VL: qwen25_vl.check,
    QWEN3_VL: qwen3_vl.check,
    GEMMA3: siglip.check_gemma3,
    GEMMA4: gemma4.check,
    IDEFICS3: siglip.check_idefics3,
    INTERNVL: internvl.check,
    MINICPM_V: minicpm_v.check,
    MINICPM_V46: minicpm_v46.check,
    LFM2: lfm2.check,
}


def checked_projector(path: Path, header: GGUFHeader) -> Projector:
    """Return the checked projector. Raises `UserError` (projector-damaged, projector-unsupported)."""
    kind = kind_of(header)
    check = _CHECKS.get(kind)
    if check is None or _is_other_version(kind, header):
        raise UserError("projector-unsupported", name=path.name, kind=kind)
    sound = all(_KINDS.get(key, value_kind) == value_kind for key, value_kind in header.kinds.items())
    loaded = header.tensors.keys() - parts_that_hear(header)
    sound &= all(header.tensors[name].kind not in NO_WEIGHTS for name in loaded)
    if not sound or header.metadata.get("clip.has_vision_encoder") is not True:
        raise UserError("projector-damaged", name=path.name)
    # What encodes sounds is not looked at: a copy without it is loaded.
    hears = any(header.metadata.get(key) is True for key in HEARING)
    return replace(check(CheckedHeader(path, header)), hears=hears)


def _is_other_version(kind: str, header: GGUFHeader) -> bool:
    """Return whether it is a version of its kind that is not supported."""
    if kind == MINICPM_V:
        return header.integer("clip.minicpmv_version") != minicpm_v.VERSION
    return kind == LLAVA and "mm.3.weight" in header.tensors
