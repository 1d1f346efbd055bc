"""Write tests/data/tiles.json and tiles.npz: how transformers' LLaVA-Next sees pictures in tiles.

    PYTHONPATH=packaging:. python -m tests.recording.tiles

Needs what packaging/demo_model/requirements.txt names. The weights are those that the tests make of
random numbers, so that the tests can hold the engine to what is recorded:

    tiles.json  "sizes": [width, height, rows, columns, tokens] for LLaVA-1.6's usual grids
    tiles.npz   "{model} {width}x{height} pixels": the squares, uint8; "... rows": the embedding;
                "... logits": of the first token after BEFORE, the picture and AFTER
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf_writing import CLIP_MEAN, CLIP_STD, DECODER_NAMES
from transformers import CLIPVisionConfig, LlamaConfig, LlavaNextConfig, LlavaNextForConditionalGeneration
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor

from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models.llava import Sizes, write_language_model, write_projector
from tests.random_models.tiled import AFTER, BEFORE, MODELS, PICTURES, SIZES

USUAL = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a GGUF by name."""
    return {t.name: torch.tensor(np.asarray(t.data, np.float32)) for t in gguf.GGUFReader(str(path)).tensors}


def grid_pinpoints(sizes: Sizes) -> list[list[int]]:
    """Return them as pairs; none: LLaVA-1.6's usual ones, for tiles of the model's size."""
    if sizes.pinpoints:
        return [list(pair) for pair in zip(sizes.pinpoints[::2], sizes.pinpoints[1::2], strict=True)]
    return [[side * sizes.side // 336 for side in pair] for pair in USUAL]


def their_model(sizes: Sizes, folder: Path) -> Any:
    """Return transformers' model with the weights that the tests write."""
    text = tensors_of(write_language_model(folder / "model.gguf", sizes))
    seeing = tensors_of(write_projector(folder / "mmproj.gguf", sizes))
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=sizes.vision_width,
            intermediate_size=sizes.vision_feed_forward,
            num_hidden_layers=sizes.vision_layers,
            num_attention_heads=sizes.vision_heads,
            image_size=sizes.side,
            patch_size=sizes.patch,
            projection_dim=sizes.vision_width,
            hidden_act="quick_gelu",
        ),
        text_config=LlamaConfig(
            vocab_size=len(text["token_embd.weight"]),
            hidden_size=sizes.width,
            intermediate_size=sizes.feed_forward,
            num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads,
            num_key_value_heads=sizes.heads,
            rms_norm_eps=1e-5,
            rope_theta=10000.0,
            tie_word_embeddings=False,
        ),
        image_grid_pinpoints=grid_pinpoints(sizes),
        vision_feature_layer=-1,  # the file holds no layer that is not to be used
        image_token_id=len(text["token_embd.weight"]) - 1,
        tie_word_embeddings=False,
    )
    model = LlavaNextForConditionalGeneration(config).float().eval()
    wanted = model.state_dict()
    state = _renamed(text, sizes) | _renamed_seeing(seeing, sizes)
    state |= {key: wanted[key] for key in wanted if "post_layernorm" in key}
    model.load_state_dict(state)
    return model


def _renamed(weights: dict[str, torch.Tensor], sizes: Sizes) -> dict[str, torch.Tensor]:
    state = {
        "model.language_model.embed_tokens.weight": weights["token_embd.weight"],
        "model.language_model.norm.weight": weights["output_norm.weight"],
        "lm_head.weight": weights["output.weight"],
    }
    for index in range(sizes.layers):
        for ours, theirs in DECODER_NAMES.items():
            weight = weights[f"blk.{index}.{ours}.weight"]
            if ours in ("attn_q", "attn_k"):  # llama.cpp turns neighbours, transformers halves
                half = sizes.width // sizes.heads // 2
                weight = weight.reshape(sizes.heads, half, 2, -1).transpose(1, 2).reshape(weight.shape)
            state[f"model.language_model.layers.{index}.{theirs}.weight"] = weight
    return state


def _renamed_seeing(weights: dict[str, torch.Tensor], sizes: Sizes) -> dict[str, torch.Tensor]:
    names = {
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_out": "self_attn.out_proj",
        "ffn_up": "mlp.fc1",
        "ffn_down": "mlp.fc2",
        "ln1": "layer_norm1",
        "ln2": "layer_norm2",
    }
    tower, projector = "model.vision_tower", "model.multi_modal_projector"
    state = {
        "model.image_newline": weights[sizes.newline],
        f"{tower}.embeddings.class_embedding": weights["v.class_embd"],
        f"{tower}.embeddings.patch_embedding.weight": weights["v.patch_embd.weight"],
        f"{tower}.embeddings.position_embedding.weight": weights["v.position_embd.weight"],
    }
    for kind in ("weight", "bias"):
        state[f"{tower}.pre_layrnorm.{kind}"] = weights[f"v.pre_ln.{kind}"]
        state[f"{projector}.linear_1.{kind}"] = weights[f"mm.0.{kind}"]
        state[f"{projector}.linear_2.{kind}"] = weights[f"mm.2.{kind}"]
        for index in range(sizes.vision_layers):
            for ours, theirs in names.items():
                state[f"{tower}.encoder.layers.{index}.{theirs}.{kind}"] = weights[f"v.blk.{index}.{ours}.{kind}"]
    return state


def seen(model: Any, sizes: Sizes, width: int, height: int) -> dict[str, Any]:
    """Return squares, embedding and logits of one picture."""
    side = {"height": sizes.side, "width": sizes.side}
    processor = LlavaNextImageProcessorPil(
        size={"shortest_edge": sizes.side},
        crop_size=side,
        image_mean=CLIP_MEAN,
        image_std=CLIP_STD,
        image_grid_pinpoints=model.config.image_grid_pinpoints,
    )
    inputs = processor(patterned(width, height), return_tensors="pt")
    pixels = inputs["pixel_values"][0].float()
    mean, std = torch.tensor(CLIP_MEAN).reshape(3, 1, 1), torch.tensor(CLIP_STD).reshape(3, 1, 1)
    squares = ((pixels * std + mean) * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1)
    with torch.no_grad():
        features = model.model.get_image_features(inputs["pixel_values"], inputs["image_sizes"])
        rows = features.pooler_output[0]
        ids = torch.tensor([[*BEFORE, *[model.config.image_token_id] * len(rows), *AFTER]])
        logits = model(input_ids=ids, **inputs).logits[0, -1]
    return {"pixels": squares.numpy(), "rows": rows.numpy().astype(np.float16), "logits": logits.numpy()}


def counted(width: int, height: int) -> list[int]:
    """Return a picture's grid and tokens, as transformers counts them."""
    counter = LlavaNextProcessor.__new__(LlavaNextProcessor)
    counter.patch_size, counter.num_additional_image_tokens = 14, 0
    counter.image_processor = LlavaNextImageProcessorPil(image_grid_pinpoints=USUAL)
    tokens = counter._get_number_of_features(height, width, 336, 336)
    from transformers.image_processing_utils import select_best_resolution

    best_height, best_width = select_best_resolution((height, width), USUAL)
    return [width, height, best_height // 336, best_width // 336, tokens]


def main() -> None:
    """Record everything."""
    arrays: dict[str, Any] = {}
    for name, sizes in MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            model = their_model(sizes, Path(folder))
        for width, height in PICTURES:
            for key, value in seen(model, sizes, width, height).items():
                arrays[f"{name} {width}x{height} {key}"] = value
    np.savez_compressed(DATA / "tiles.npz", **arrays)
    lines = ",\n".join(json.dumps(counted(width, height)) for width, height in SIZES)
    (DATA / "tiles.json").write_text(f'{{"sizes": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
