"""Write tests/data/seen/gemma4.npz and gemma4_e2b.npz: what transformers makes of the random models of the tests.

    export HF_HUB_OFFLINE=1 PYTHONPATH=packaging:.:LLAMA_CPP/gguf-py:LLAMA_CPP
    python -m tests.recording.gemma4

Needs what packaging/demo_model/requirements.txt names, and llama.cpp's sources: see `converted.py`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Gemma4Config, Gemma4ForConditionalGeneration, Gemma4Processor
from transformers.models.gemma4.feature_extraction_gemma4 import Gemma4AudioFeatureExtractor
from transformers.models.gemma4.image_processing_gemma4 import Gemma4ImageProcessor
from transformers.models.gemma4.video_processing_gemma4 import Gemma4VideoProcessor

from tests.random_models import gemma4
from tests.random_models.small_models import GEMMA4, GEMMA4_E2B
from tests.recording.converted import Files, give_weights, tokenizer_of
from tests.recording.seen import Original, bytes_of, record

IMAGE = "<|image|>"
NAMED = {"image_token": IMAGE, "boi_token": "<|image>", "eoi_token": "<image|>"}
NAMED |= {"audio_token": "<|audio|>", "boa_token": "<|audio>", "eoa_token": "<audio|>"}


class _Gemma(Original):
    """Writes the tokens around a picture itself."""

    def inputs(self, prompt: str, pictures: Sequence[Any]) -> Any:
        """See `Original`."""
        return super().inputs(prompt.replace("<|image><picture><image|>", "<picture>"), pictures)


def original_of(sizes: gemma4.Sizes, eyes: gemma4.Eyes, tokenizer: Any, *, at_once: bool) -> Any:
    """Return Gemma 4 in the shape of the tests; `at_once`: whether the rows of a picture see one another both ways."""
    ids = {f"{name}_id": tokenizer.convert_tokens_to_ids(token) for name, token in NAMED.items()}
    tower = eyes.tower
    kinds = ["sliding_attention" if window else "full_attention" for window in sizes.windows]
    text = {
        "vocab_size": len(tokenizer),
        "vocab_size_per_layer_input": len(tokenizer),
        "hidden_size": sizes.width,
        "hidden_size_per_layer_input": sizes.layer_embedding,
        "intermediate_size": sizes.feed_forward,
        "num_hidden_layers": len(sizes.windows),
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "head_dim": sizes.head,
        "global_head_dim": sizes.wide_head,
        "num_kv_shared_layers": sizes.shared,
        "use_double_wide_mlp": True,
        "sliding_window": sizes.window,
        "layer_types": kinds,
        "max_position_embeddings": sizes.context,
        "final_logit_softcapping": sizes.soft_cap,
        "use_bidirectional_attention": "vision" if at_once else None,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
    }
    vision = {
        "hidden_size": tower.width,
        "intermediate_size": tower.feed_forward,
        "num_hidden_layers": tower.layers,
        "num_attention_heads": tower.heads,
        "num_key_value_heads": tower.heads,
        "head_dim": tower.width // tower.heads,
        "position_embedding_size": gemma4.POSITIONS,
        "pooling_kernel_size": gemma4.MERGED,
        "patch_size": tower.patch,
        "use_clipped_linears": eyes.clipped,
        "standardize": eyes.standardised,
    }
    config = Gemma4Config(text_config=text, vision_config=vision, audio_config=None, **ids)
    return Gemma4ForConditionalGeneration(config)


def processor_of(tokenizer: Any) -> Any:
    """Return the processor, as google/gemma-4-E2B-it has it."""
    return Gemma4Processor(
        feature_extractor=Gemma4AudioFeatureExtractor(),
        image_processor=Gemma4ImageProcessor(),
        tokenizer=tokenizer,
        video_processor=Gemma4VideoProcessor(),
    )


def pixels(inputs: Any) -> Any:
    """Return the pixels of one picture as bytes."""
    patch = 16
    columns, rows = (int(number) + 1 for number in inputs["image_position_ids"][0].amax(0))
    values = inputs["pixel_values"][0, : rows * columns].numpy().reshape(rows, columns, patch, patch, 3)
    values = values.transpose(4, 0, 2, 1, 3).reshape(3, rows * patch, columns * patch)
    return bytes_of(values, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def main() -> None:
    """Record both."""
    for small, sizes, eyes, at_once in (
        (GEMMA4, gemma4.Sizes(), gemma4.EYES, True),
        (GEMMA4_E2B, gemma4.LIKE_E2B, gemma4.EYES_OF_E2B, False),
    ):
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            paths = small.write(Path(folder))
            tokenizer = tokenizer_of(paths[0], **NAMED)
            model, processor = original_of(sizes, eyes, tokenizer, at_once=at_once).float(), processor_of(tokenizer)
            model.set_attn_implementation("eager")
            files = Files(*paths, constant=frozenset({"rope_freqs.weight"}))
            give_weights(model, processor, files)
            record(small, _Gemma(model, processor, IMAGE), pixels)


if __name__ == "__main__":
    main()
