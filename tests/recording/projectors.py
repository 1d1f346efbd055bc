"""Write tests/data/eyes.npz: what transformers makes of pictures with Gemma 3, Qwen2.5-VL and SmolVLM2.

    PYTHONPATH=packaging:. python -m tests.recording.projectors

Needs what packaging/demo_model/requirements.txt names. The weights are those that the tests make of random
numbers; under "{family} {width}x{height}" stand the image tokens (n x width, float16).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import Gemma3Config, Idefics3Config, SiglipVisionConfig, SiglipVisionModel
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.gemma3.modeling_gemma3 import Gemma3MultiModalProjector
from transformers.models.idefics3.configuration_idefics3 import Idefics3VisionConfig
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.modeling_idefics3 import Idefics3Connector, Idefics3VisionTransformer
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionTransformerPretrainedModel
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models.projectors import (
    HEADS,
    INNER,
    LAYERS,
    MERGED,
    OUTPUT,
    PATCH,
    SHAPES,
    SIDE,
    UNEVEN,
    WIDTH,
    write_eyes,
)

Weights = dict[str, torch.Tensor]
HALF = [0.5, 0.5, 0.5]
TOWER = {
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "image_size": SIDE,
    "patch_size": PATCH,
    "layer_norm_eps": 1e-6,
}


def weights_of(kind: str, side: int = SIDE) -> Weights:
    """Return the weights of a projector of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_eyes(Path(folder) / "mmproj.gguf", kind, OUTPUT, side=side)
        return {t.name: torch.tensor(np.asarray(t.data, np.float32)) for t in gguf.GGUFReader(str(path)).tensors}


def siglip_state(weights: Weights, prefix: str) -> Weights:
    """Return the tower's weights as transformers names them."""
    state = {
        f"{prefix}embeddings.patch_embedding.weight": weights["v.patch_embd.weight"],
        f"{prefix}embeddings.patch_embedding.bias": weights["v.patch_embd.bias"],
        f"{prefix}embeddings.position_embedding.weight": weights["v.position_embd.weight"],
    }
    names = {
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_out": "self_attn.out_proj",
        "ln1": "layer_norm1",
        "ln2": "layer_norm2",
        "ffn_up": "mlp.fc1",
        "ffn_down": "mlp.fc2",
    }
    for kind in ("weight", "bias"):
        state[f"{prefix}post_layernorm.{kind}"] = weights[f"v.post_ln.{kind}"]
        for index in range(LAYERS):
            for ours, theirs in names.items():
                state[f"{prefix}encoder.layers.{index}.{theirs}.{kind}"] = weights[f"v.blk.{index}.{ours}.{kind}"]
    return state


def gemma3() -> Any:
    """Return what makes image tokens of a picture, as Gemma 3 does."""
    weights = weights_of("gemma3")
    config = SiglipVisionConfig(**TOWER, vision_use_head=False)
    tower = SiglipVisionModel(config).eval()
    prefix = "vision_model." if next(iter(tower.state_dict())).startswith("vision_model.") else ""
    tower.load_state_dict(siglip_state(weights, prefix))
    whole = Gemma3Config(
        vision_config=config, text_config={"hidden_size": OUTPUT}, mm_tokens_per_image=(SIDE // PATCH // MERGED) ** 2
    )
    projector = Gemma3MultiModalProjector(whole).eval()
    projector.mm_input_projection_weight.data = weights["mm.input_projection.weight"]
    projector.mm_soft_emb_norm.weight.data = weights["mm.soft_emb_norm.weight"] - 1  # a GGUF has it added
    processor = Gemma3ImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return lambda image: projector(tower(processor(image, return_tensors="pt")["pixel_values"]).last_hidden_state)


def qwen() -> Any:
    """Return what makes image tokens of a picture, as Qwen2.5-VL does."""
    weights = weights_of("qwen2.5vl_merger")
    config = Qwen2_5_VLVisionConfig(
        depth=LAYERS,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_heads=HEADS,
        patch_size=PATCH,
        spatial_merge_size=MERGED,
        temporal_patch_size=2,
        window_size=112,
        out_hidden_size=OUTPUT,
        fullatt_block_indexes=[1],
        hidden_act="silu",
    )
    tower = Qwen2_5_VisionTransformerPretrainedModel(config).eval()
    frames = [weights["v.patch_embd.weight"], weights["v.patch_embd.weight.1"]]
    state = {"patch_embed.proj.weight": torch.stack(frames, 2), "merger.ln_q.weight": weights["v.post_ln.weight"]}
    for index in range(LAYERS):
        ours, theirs = f"v.blk.{index}.", f"blocks.{index}."
        for number in (1, 2):
            state[f"{theirs}norm{number}.weight"] = weights[f"{ours}ln{number}.weight"]
        for kind in ("weight", "bias"):
            state[f"{theirs}attn.qkv.{kind}"] = torch.cat([weights[f"{ours}attn_{one}.{kind}"] for one in "qkv"])
            state[f"{theirs}attn.proj.{kind}"] = weights[f"{ours}attn_out.{kind}"]
            for one in ("gate", "up", "down"):
                state[f"{theirs}mlp.{one}_proj.{kind}"] = weights[f"{ours}ffn_{one}.{kind}"]
    for kind in ("weight", "bias"):
        for number in (0, 2):
            state[f"merger.mlp.{number}.{kind}"] = weights[f"mm.{number}.{kind}"]
    tower.load_state_dict(state)
    area = (PATCH * MERGED) ** 2
    processor = Qwen2VLImageProcessorPil(
        patch_size=PATCH,
        merge_size=MERGED,
        temporal_patch_size=2,
        size={"shortest_edge": 4 * area, "longest_edge": 1280 * area},
        image_mean=HALF,
        image_std=HALF,
    )

    def seen(image: Any) -> Any:
        inputs = processor(image, return_tensors="pt")
        return tower(inputs["pixel_values"], grid_thw=inputs["image_grid_thw"]).pooler_output

    return seen


def smolvlm(side: int) -> Any:
    """Return what makes image tokens of a picture, as SmolVLM2 does: of tiles of `side` pixels, then of the whole."""
    weights = weights_of("idefics3", side)
    config = Idefics3VisionConfig(**TOWER | {"image_size": side})
    tower = Idefics3VisionTransformer(config).eval()
    tower.load_state_dict(siglip_state(weights, ""))
    whole = Idefics3Config(
        vision_config=config, text_config={"model_type": "llama", "hidden_size": OUTPUT}, scale_factor=MERGED
    )
    connector = Idefics3Connector(whole).eval()
    connector.modality_projection.proj.weight.data = weights["mm.model.fc.weight"]
    processor = Idefics3ImageProcessorPil(
        size={"longest_edge": 2 * side}, max_image_size={"longest_edge": side}, image_mean=HALF, image_std=HALF
    )

    def seen(image: Any) -> Any:
        pixels = processor([[image]], return_tensors="pt")["pixel_values"][0]
        mask = torch.ones(len(pixels), side // PATCH, side // PATCH, dtype=torch.bool)
        return connector(tower(pixels, patch_attention_mask=mask).last_hidden_state)

    return seen


def main() -> None:
    """Record everything."""
    arrays = {}
    originals = {
        "gemma3": gemma3(),
        "qwen2.5_vl": qwen(),
        "smolvlm2": smolvlm(SIDE),
        "smolvlm2, 2.2B": smolvlm(UNEVEN),
    }
    with torch.no_grad():
        for name, see in originals.items():
            for width, height in SHAPES:
                rows = see(patterned(width, height)).reshape(-1, OUTPUT)
                arrays[f"{name} {width}x{height}"] = rows.numpy().astype(np.float16)
    np.savez_compressed(DATA / "eyes.npz", **arrays)


if __name__ == "__main__":
    main()
