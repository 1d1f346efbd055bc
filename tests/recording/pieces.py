"""Write tests/data/{lfm2_vl,minicpm_v4.6}.{json,npz}: how LFM2-VL and MiniCPM-V 4.6 of transformers see pictures.

    export HF_HUB_OFFLINE=1 PYTHONPATH=packaging:.:LLAMA_CPP/gguf-py:LLAMA_CPP
    python -m tests.recording.pieces

`LLAMA_CPP` and the packages: see `converted.py`. The weights are those that the tests make of random numbers.

    json  "sizes": [width, height, rows, columns, tokens, what stands for the picture in the prompt, sizes of parts]
    npz   "{width}x{height} pixels {part}": of a part, uint8, the whole first, in a tiny size (see `SMALL`);
          "{width}x{height} rows": every `EVERY`th row of a picture; "... tokens": the first question's prompt;
          "... first", "... follow-up": the logits after it, and after a second question;
          "two ...": with the first two pictures, one in each of two turns
"""

from __future__ import annotations

import json
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fidelity.originals import ORIGINALS, Turn
from PIL import Image
from transformers import (
    Lfm2VlConfig,
    Lfm2VlForConditionalGeneration,
    Lfm2VlProcessor,
    MiniCPMV4_6Config,
    MiniCPMV4_6ForConditionalGeneration,
    MiniCPMV4_6Processor,
)
from transformers.models.lfm2_vl.image_processing_lfm2_vl import Lfm2VlImageProcessor
from transformers.models.minicpmv4_6.image_processing_pil_minicpmv4_6 import MiniCPMV4_6ImageProcessorPil
from transformers.models.minicpmv4_6.video_processing_minicpmv4_6 import MiniCPMV4_6VideoProcessor

from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models import lfm2, lfm2_vl, minicpm_v46, qwen35
from tests.random_models.pieces import ANSWER, EVERY, FOLLOW_UP, PIXELS, QUESTION, SHOWN, SIZES
from tests.recording.converted import Files, give_weights, tokenizer_of

HALF = [0.5, 0.5, 0.5]
Size = tuple[int, int]


class Original(ABC):
    """One model as transformers has it."""

    name: str
    image: str  # what stands for a picture before the processor has put its tokens there
    framed: str  # the same in the prompts of `fidelity.originals`

    def __init__(self, folder: Path) -> None:
        self.processor, self.model = self.load(folder)
        self.token = self.model.config.image_token_id

    @abstractmethod
    def load(self, folder: Path) -> tuple[Any, Any]:
        """Return the processor, and the model with the weights of the tests."""

    @abstractmethod
    def layout(self, width: int, height: int) -> tuple[Size, list[Size], str]:
        """Return rows and columns, the sizes of the whole and of a tile, and what stands for it in the prompt."""

    @abstractmethod
    def parts(self, picture: Image.Image) -> list[Any]:
        """Return the pixels of all parts in a tiny size, the whole first."""

    def sizes(self) -> list[list[Any]]:
        """Return what is recorded of pictures of all sizes."""
        found = []
        for width, height in SIZES:
            (rows, columns), parts, text = self.layout(width, height)
            text = re.sub(f"({re.escape(self.word)})+", lambda run: f"{{{len(run[0]) // len(self.word)}}}", text)
            tokens = sum(map(int, re.findall(r"{(\d+)}", text)))
            found.append([width, height, rows, columns, tokens, text, parts])
        return found

    @property
    def word(self) -> str:
        """Return the token that stands for each row."""
        return str(self.processor.image_token)

    def asked(self, turns: Sequence[Turn], pictures: Sequence[Size]) -> tuple[Any, Any, Any]:
        """Return the prompt's tokens, the rows of the pictures and the last logits."""
        text = ORIGINALS[self.name][3](None, turns)
        text = re.sub(self.framed, self.image, text)
        drawn = [patterned(*size) for size in pictures]
        inputs = self.processor(text=[text], images=drawn, return_tensors="pt", add_special_tokens=False)
        caught: dict[str, Any] = {}
        language = self.model.model.language_model
        hook = language.register_forward_pre_hook(lambda _m, _a, given: caught.update(given), with_kwargs=True)
        logits = self.model(**inputs).logits[0, -1]
        hook.remove()
        tokens = inputs["input_ids"][0]
        return tokens, caught["inputs_embeds"][0][tokens == self.token], logits


class Lfm2(Original):
    """LFM2-VL and LFM2.5-VL."""

    name = "lfm2_vl"
    image, framed = "<image>", re.escape("<|image_start|><picture><|image_end|>")

    def load(self, folder: Path) -> tuple[Any, Any]:
        """See `Original`."""
        model, mmproj = lfm2_vl.write_pair(folder)
        sizes, tower = lfm2.Sizes(), lfm2_vl.TOWER
        tokenizer = tokenizer_of(
            model,
            image_token="<image>",
            image_start_token="<|image_start|>",
            image_end_token="<|image_end|>",
            image_thumbnail_token="<|img_thumbnail|>",
        )
        processor = Lfm2VlProcessor(Lfm2VlImageProcessor(image_mean=HALF, image_std=HALF), tokenizer)
        kinds = ["full_attention" if heads else "conv" for heads in sizes.kv_heads]
        config = Lfm2VlConfig(
            text_config={
                "model_type": "lfm2",
                "vocab_size": len(tokenizer),
                "hidden_size": sizes.width,
                "intermediate_size": sizes.feed_forward,
                "block_ff_dim": sizes.feed_forward,
                "block_auto_adjust_ff_dim": False,
                "num_hidden_layers": len(kinds),
                "num_attention_heads": sizes.heads,
                "num_key_value_heads": max(sizes.kv_heads),
                "max_position_embeddings": sizes.context,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
                "conv_L_cache": sizes.convolution,
                "layer_types": kinds,
            },
            vision_config={
                "model_type": "siglip2_vision_model",
                "hidden_size": tower.width,
                "intermediate_size": tower.feed_forward,
                "num_hidden_layers": tower.layers,
                "num_attention_heads": tower.heads,
                "patch_size": tower.patch,
                "num_patches": (tower.side // tower.patch) ** 2,
                "vision_use_head": False,
            },
            image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
            projector_hidden_size=lfm2_vl.MIDDLE,
            projector_use_layernorm=False,
            downsample_factor=lfm2_vl.MERGED,
        )
        seeing = Lfm2VlForConditionalGeneration(config).float()
        files = Files(
            model,
            mmproj,
            text_architecture="Lfm2ForCausalLM",
            rename=lambda name: name.replace("vision_tower.", "vision_tower.vision_model."),
        )
        give_weights(seeing, processor, files)
        return processor, seeing

    def layout(self, width: int, height: int) -> tuple[Size, list[Size], str]:
        """See `Original`."""
        inputs = self.processor.image_processor(patterned(width, height), return_row_col_info=True)
        (rows,), (columns,), (whole,) = (inputs[f"image_{key}"] for key in ("rows", "cols", "sizes"))
        text = self.processor.replace_image_token(inputs, 0, use_image_special_tokens=True)
        parts = [(whole[1], whole[0]), (512, 512)]
        return ((rows, columns), parts, text) if rows * columns > 1 else ((0, 0), parts[:1], text)

    def parts(self, picture: Image.Image) -> list[Any]:
        """See `Original`."""
        small = Lfm2VlImageProcessor(
            image_mean=HALF, image_std=HALF, tile_size=64, min_image_tokens=1, max_image_tokens=4
        )
        inputs = small(picture, return_tensors="pt")
        found = []
        for values, (rows, columns) in zip(inputs["pixel_values"], inputs["spatial_shapes"].tolist(), strict=True):
            part = values[: rows * columns].reshape(rows, columns, 16, 16, 3).transpose(1, 2)
            found.append(part.reshape(rows * 16, columns * 16, 3))
        return list(map(pixels_of, [found[-1], *found[:-1]]))


class MiniCPM(Original):
    """MiniCPM-V 4.6."""

    name = "minicpm_v4.6"
    image, framed = "<|image_pad|>", r"<image_id>\d+</image_id><image><picture></image>"
    merged = minicpm_v46.TWICE

    def load(self, folder: Path) -> tuple[Any, Any]:
        """See `Original`."""
        model, mmproj = minicpm_v46.write_pair(folder, merged=self.merged)
        sizes, tower = qwen35.Sizes(), minicpm_v46.TOWER
        tokenizer = tokenizer_of(
            model,
            image_token="<|image_pad|>",
            video_token="<|video_pad|>",
            image_start_token="<image>",
            image_end_token="</image>",
            slice_start_token="<slice>",
            slice_end_token="</slice>",
            image_id_start_token="<image_id>",
            image_id_end_token="</image_id>",
        )
        mode = f"{self.merged**2}x"
        images = MiniCPMV4_6ImageProcessorPil(scale_resolution=tower.side, downsample_mode=mode)
        processor = MiniCPMV4_6Processor(images, MiniCPMV4_6VideoProcessor(), tokenizer)
        ident = tokenizer.convert_tokens_to_ids
        config = MiniCPMV4_6Config(
            text_config={
                "model_type": "qwen3_5_text",
                "vocab_size": len(tokenizer),
                "hidden_size": sizes.width,
                "intermediate_size": sizes.feed_forward,
                "num_hidden_layers": sizes.layers,
                "num_attention_heads": sizes.heads,
                "num_key_value_heads": sizes.kv_heads,
                "head_dim": sizes.head,
                "max_position_embeddings": sizes.context,
                "rms_norm_eps": 1e-6,
                "linear_conv_kernel_dim": sizes.convolution,
                "linear_key_head_dim": sizes.state,
                "linear_value_head_dim": sizes.state,
                "linear_num_key_heads": sizes.key_heads,
                "linear_num_value_heads": sizes.value_heads,
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 1e7,
                    "mrope_section": list(sizes.sections),
                    "mrope_interleaved": True,
                    "partial_rotary_factor": 2 * sum(sizes.sections) / sizes.head,
                },
                "tie_word_embeddings": True,
            },
            vision_config={
                "hidden_size": tower.width,
                "intermediate_size": tower.feed_forward,
                "num_hidden_layers": tower.layers,
                "num_attention_heads": tower.heads,
                "image_size": minicpm_v46.PLACES * tower.patch,
                "patch_size": tower.patch,
            },
            insert_layer_id=minicpm_v46.MERGED_BEHIND,
            image_token_id=ident("<|image_pad|>"),
            video_token_id=ident("<|video_pad|>"),
            downsample_mode=mode,
            tie_word_embeddings=True,
        )
        seeing = MiniCPMV4_6ForConditionalGeneration(config).float()
        if self.merged == minicpm_v46.ONCE:
            seeing.model.vision_tower.vit_merger = None
        files = Files(
            model,
            mmproj,
            computed={"A_log": lambda values: np.log(-values)},
            other_keys=frozenset({"clip.vision.wa_layer_indexes"}) if self.merged == minicpm_v46.ONCE else frozenset(),
        )
        give_weights(seeing, processor, files)
        return processor, seeing

    def layout(self, width: int, height: int) -> tuple[Size, list[Size], str]:
        """See `Original`."""
        images, mode = self.processor.image_processor, f"{self.merged**2}x"
        grid = images.get_sliced_grid((height, width), 9, 448)
        whole = images.find_best_resize((height, width), 448, 14, mode, allow_upscale=grid is None)
        sizes = [whole[::-1]]
        if grid is not None:
            down, across = images.get_refine_size((height, width), grid, 448, 14, mode, allow_upscale=True)
            sizes.append((across // grid[1], down // grid[0]))
        patches = [
            [size[1] // 14, size[0] // 14] for size in [sizes[0], *(sizes[1:] * (grid[0] * grid[1] if grid else 0))]
        ]
        inputs = {
            "grids": [grid or [0, 0]],
            "num_patches_per_image": [len(patches)],
            "target_sizes": torch.tensor(patches),
        }
        text = self.processor.replace_image_token(inputs, 0, image_token_divisor=self.merged**2)
        return tuple(grid or (0, 0)), sizes, "<image_id>0</image_id>" + text

    def parts(self, picture: Image.Image) -> list[Any]:
        """See `Original`."""
        inputs = self.processor.image_processor(picture, return_tensors="pt")
        values, found, at = inputs["pixel_values"][0], [], 0
        for rows, columns in inputs["target_sizes"].tolist():
            part = values[:, :, at : at + rows * columns * 14].reshape(3, 14, rows, columns, 14)
            at += rows * columns * 14
            found.append(part.permute(2, 1, 3, 4, 0).reshape(rows * 14, columns * 14, 3))
        return list(map(pixels_of, found))


class CloseMiniCPM(MiniCPM):
    """A file that looks closer: patches are merged only behind the last layer."""

    merged = minicpm_v46.ONCE


def pixels_of(values: torch.Tensor) -> Any:
    """Return normalised values as the pixels that they were made of."""
    return (values * 127.5 + 127.5).round().clamp(0, 255).byte().numpy()


def record(name: str, original: Original) -> dict[str, Any]:
    """Return what a model makes of pictures and conversations."""
    found: dict[str, Any] = {}
    first, follow_up = Turn(QUESTION, 1), Turn(FOLLOW_UP)
    answered = Turn(QUESTION, 1, ANSWER)
    for size in SHOWN[name]:
        tokens, rows, logits = original.asked([first], [size])
        later = original.asked([answered, follow_up], [size])[2]
        key = f"{size[0]}x{size[1]}"
        found[f"{key} tokens"] = tokens.numpy().astype(np.int16)
        found[f"{key} rows"] = rows.numpy()[::EVERY].astype(np.float16)
        found[f"{key} first"], found[f"{key} follow-up"] = logits.numpy(), later.numpy()
    tokens, _, logits = original.asked([answered, Turn(FOLLOW_UP, 1)], SHOWN[name][:2])
    found["two tokens"], found["two logits"] = tokens.numpy().astype(np.int16), logits.numpy()
    return found


def main() -> None:
    """Record everything."""
    with torch.no_grad():
        for kind in (Lfm2, MiniCPM):
            with tempfile.TemporaryDirectory() as folder:
                original = kind(Path(folder))
                arrays = record(kind.name, original)
                for size in PIXELS:
                    for number, part in enumerate(original.parts(patterned(*size))):
                        arrays[f"{size[0]}x{size[1]} pixels {number}"] = part
                sizes = {"sizes": original.sizes()}
            if kind is MiniCPM:
                with tempfile.TemporaryDirectory() as folder:
                    closer = CloseMiniCPM(Path(folder))
                    arrays |= {f"closer {key}": value for key, value in record(kind.name, closer).items()}
                    sizes["closer"] = closer.sizes()
            np.savez_compressed(DATA / f"{kind.name}.npz", **arrays)
            lists = (f'"{key}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for key, rows in sizes.items())
            (DATA / f"{kind.name}.json").write_text("{" + ",\n".join(lists) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
