"""Write tests/data/seen/qwen3_vl.npz and qwen3.5.npz: what transformers makes of the random models of the tests.

    export HF_HUB_OFFLINE=1 PYTHONPATH=packaging:.:LLAMA_CPP/gguf-py:LLAMA_CPP
    python -m tests.recording.qwen3_vl

Needs what packaging/demo_model/requirements.txt names, and llama.cpp's sources: see `converted.py`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
)
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

from tests.random_models import qwen3_vl, qwen35
from tests.random_models.small_models import QWEN3_VL, QWEN35
from tests.random_models.talks import SmallModel
from tests.recording.converted import Files, give_weights, tokenizer_of
from tests.recording.seen import Original, bytes_of, from_patches, record

HALF = (0.5, 0.5, 0.5)
IMAGE = "<|image_pad|>"
FEWEST, MOST = 64, 1280  # tokens of a picture: of the processor, and what its authors recommend


def vision(eyes: qwen3_vl.Eyes) -> dict[str, Any]:
    """Return the shape of eyes, as a configuration says it."""
    tower = eyes.tower
    return {
        "depth": tower.layers,
        "hidden_size": tower.width,
        "intermediate_size": tower.feed_forward,
        "num_heads": tower.heads,
        "patch_size": tower.patch,
        "spatial_merge_size": qwen3_vl.MERGED,
        "temporal_patch_size": 2,
        "out_hidden_size": eyes.output,
        "num_position_embeddings": (tower.side // tower.patch) ** 2,
    }


def text(sizes: qwen3_vl.Sizes | qwen35.Sizes, tokenizer: Any, base: float, **more: Any) -> dict[str, Any]:
    """Return the shape of a decoder, as a configuration says it; `more`: of how positions are turned."""
    rope = {
        "rope_type": "default",
        "rope_theta": base,
        "mrope_section": list(sizes.sections),
        "mrope_interleaved": True,
    }
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": sizes.width,
        "intermediate_size": sizes.feed_forward,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "head_dim": sizes.head,
        "max_position_embeddings": sizes.context,
        "rms_norm_eps": 1e-6,
        "rope_parameters": rope | more,
        "tie_word_embeddings": True,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }


def tokens(tokenizer: Any) -> dict[str, Any]:
    """Return the tokens that a configuration names."""
    names = {
        "image": IMAGE,
        "video": "<|video_pad|>",
        "vision_start": "<|vision_start|>",
        "vision_end": "<|vision_end|>",
    }
    return {f"{key}_token_id": tokenizer.convert_tokens_to_ids(name) for key, name in names.items()}


def original_qwen3_vl(tokenizer: Any) -> Any:
    """Return Qwen3-VL in the shape of the tests."""
    config = Qwen3VLConfig(
        text_config=text(qwen3_vl.Sizes(), tokenizer, 5e6),
        vision_config=vision(qwen3_vl.EYES) | {"deepstack_visual_indexes": list(qwen3_vl.EYES.taps)},
        tie_word_embeddings=True,
        **tokens(tokenizer),
    )
    return Qwen3VLForConditionalGeneration(config)


def original_qwen35(tokenizer: Any) -> Any:
    """Return Qwen3.5 in the shape of the tests."""
    sizes = qwen35.Sizes()
    states = {
        "linear_conv_kernel_dim": sizes.convolution,
        "linear_key_head_dim": sizes.state,
        "linear_value_head_dim": sizes.state,
        "linear_num_key_heads": sizes.key_heads,
        "linear_num_value_heads": sizes.value_heads,
    }
    turned = 2 * sum(sizes.sections) / sizes.head
    config = Qwen3_5Config(
        text_config=text(sizes, tokenizer, 1e7, partial_rotary_factor=turned) | states,
        vision_config=vision(qwen3_vl.EYES_OF_QWEN35),
        tie_word_embeddings=True,
        **tokens(tokenizer),
    )
    return Qwen3_5ForConditionalGeneration(config)


def processor_of(tokenizer: Any) -> Any:
    """Return the processor: Qwen/Qwen3-VL-2B-Instruct's preprocessor_config.json, with the recommended limit."""
    area = (16 * qwen3_vl.MERGED) ** 2
    images = Qwen2VLImageProcessor(
        patch_size=16,
        merge_size=qwen3_vl.MERGED,
        temporal_patch_size=2,
        image_mean=HALF,
        image_std=HALF,
        size={"shortest_edge": FEWEST * area, "longest_edge": MOST * area},
    )
    return Qwen3VLProcessor(images, tokenizer, Qwen3VLVideoProcessor())


def main() -> None:
    """Record both."""
    originals: dict[SmallModel, Any] = {QWEN3_VL: original_qwen3_vl, QWEN35: original_qwen35}
    for small, make in originals.items():
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            paths = small.write(Path(folder))
            tokenizer = tokenizer_of(paths[0])
            model, processor = make(tokenizer).float(), processor_of(tokenizer)
            model.set_attn_implementation("eager")
            give_weights(model, processor, Files(*paths, computed={"A_log": lambda values: np.log(-values)}))
            original = Original(model, processor, IMAGE)
            record(small, original, lambda inputs: bytes_of(from_patches(inputs, 16), HALF, HALF))


if __name__ == "__main__":
    main()
