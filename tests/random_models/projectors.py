"""Random projectors of other families than LLaVA: SigLIP, InternVL's tower and Qwen2.5-VL's.

`resampler` is MiniCPM-V's projector: its model has to be as wide as a multiple of 128.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf_writing import Tower, add_vision_shape, new_gguf

WIDTH, LAYERS, HEADS, INNER, SIDE, PATCH = 32, 2, 2, 48, 56, 14
OUTPUT = 64  # values per image token
UNEVEN = 60  # pixels, of which no whole patches make a side: SmolVLM2 2.2B has 27 patches of 14 pixels in 384
SHAPES = [(150, 90), (60, 200), (56, 56), (1, 1)]
MERGED = 2  # patches along an edge that become one image token
PLACES, QUERIES = 70, 5  # of `resampler`: positions along an edge, and tokens of a part
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # InternVL's; the others have 0.5


def write_eyes(path: Path, kind: str, output: int, *, longest: int = 0, side: int = SIDE, version: int = 3) -> Path:
    """Write a projector of one of the kinds that llama.cpp names so, for a model of the width `output`.

    `longest`: to how many pixels `idefics3` enlarges pictures; `side`: of the squares that it sees, in pixels;
    `version`: of MiniCPM-V, as llama.cpp counts them.
    """
    with new_gguf(path, "clip") as writer:
        _fill(writer, kind, output, longest, side, version)
    return path


def _fill(writer: Any, kind: str, output: int, longest: int, side: int, version: int) -> None:
    random = np.random.default_rng(7)
    writer.add_name("random eyes")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", kind)
    writer.add_bool("clip.use_gelu", kind != "qwen2.5vl_merger")
    writer.add_bool("clip.use_silu", kind == "qwen2.5vl_merger")
    numbers = {}
    if kind == "resampler":
        writer.add_int32("clip.minicpmv_version", version)
        writer.add_uint32("clip.minicpmv_query_num", QUERIES)
    elif kind == "qwen2.5vl_merger":
        numbers["n_wa_pattern"] = 2
    else:
        numbers["projector.scale_factor"] = MERGED
    if longest:
        numbers["preproc_image_size"] = longest
    for key, value in numbers.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    half = (0.5, 0.5, 0.5)
    mean, std = (MEAN, STD) if kind == "internvl" else (half, half)
    add_vision_shape(
        writer, Tower(WIDTH, LAYERS, HEADS, INNER, side, PATCH), projection=output, eps=1e-6, mean=mean, std=std
    )

    def matrix(name: str, *shape: int) -> None:
        values = random.standard_normal(shape, np.float32) / np.float32(np.sqrt(shape[-1]))
        writer.add_tensor(f"{name}.weight", values.astype(np.float16))

    def vector(name: str, length: int, around: float = 0.0) -> None:
        writer.add_tensor(name, around + random.standard_normal(length).astype(np.float32) * np.float32(0.1))

    qwen, intern, resampler = (kind == name for name in ("qwen2.5vl_merger", "internvl", "resampler"))
    matrix("v.patch_embd", WIDTH, 3, PATCH, PATCH)
    if qwen:
        values = random.standard_normal((WIDTH, 3, PATCH, PATCH), np.float32) / 14
        writer.add_tensor("v.patch_embd.weight.1", values.astype(np.float16))
    else:
        vector("v.patch_embd.bias", WIDTH)
        places = PLACES**2 if resampler else (side // PATCH) ** 2 + intern
        writer.add_tensor("v.position_embd.weight", random.standard_normal((places, WIDTH)).astype(np.float32))
    if intern:
        vector("v.class_embd", WIDTH)
    else:
        if not qwen:
            vector("v.post_ln.bias", WIDTH)
        vector("v.post_ln.weight", WIDTH, 1.0)
    for index in range(LAYERS):
        block = f"v.blk.{index}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            matrix(block + name, WIDTH, WIDTH)
            vector(f"{block}{name}.bias", WIDTH)
        for name in ("ln1", "ln2"):
            vector(f"{block}{name}.weight", WIDTH, 1.0)
            if not qwen:
                vector(f"{block}{name}.bias", WIDTH)
        for name, rows, columns in (("ffn_up", INNER, WIDTH), ("ffn_down", WIDTH, INNER)):
            matrix(block + name, rows, columns)
            vector(f"{block}{name}.bias", rows)
        if intern:
            for name in ("ls1", "ls2"):
                vector(f"{block}{name}.weight", WIDTH, 0.8)
        if qwen:
            matrix(f"{block}ffn_gate", INNER, WIDTH)
            vector(f"{block}ffn_gate.bias", INNER)
    merged = MERGED**2 * WIDTH
    if qwen:
        for name, rows in (("mm.0", merged), ("mm.2", output)):
            matrix(name, rows, merged)
            vector(f"{name}.bias", rows)
    elif intern:
        vector("mm.model.mlp.0.weight", merged, 1.0)
        vector("mm.model.mlp.0.bias", merged)
        for name, columns in (("mm.model.mlp.1", merged), ("mm.model.mlp.3", output)):
            matrix(name, output, columns)
            vector(f"{name}.bias", output)
    elif resampler:
        queries = random.standard_normal((QUERIES, output)).astype(np.float32)
        writer.add_tensor("resampler.query", queries)
        writer.add_tensor("resampler.pos_embed_k", np.zeros((1, output), np.float32))  # llama.cpp computes it
        matrix("resampler.kv", output, WIDTH)
        for name in ("q", "k", "v", "out"):
            matrix(f"resampler.attn.{name}", output, output)
            vector(f"resampler.attn.{name}.bias", output)
        for name in ("q", "kv", "post"):
            vector(f"resampler.ln_{name}.weight", output, 1.0)
            vector(f"resampler.ln_{name}.bias", output)
        matrix("resampler.proj", output, output)
    elif kind == "gemma3":
        matrix("mm.input_projection", WIDTH, output)
        vector("mm.soft_emb_norm.weight", WIDTH, 1.0)
    else:
        matrix("mm.model.fc", output, merged)
