"""Write tests/data/{lfm2_vl,minicpm_v4.6}.{json,npz}, and what these models see and answer into tests/data/seen.

    export HF_HUB_OFFLINE=1 PYTHONPATH=packaging:.:LLAMA_CPP/gguf-py:LLAMA_CPP
    python -m tests.recording.pieces

Needs what packaging/demo_model/requirements.txt names, and llama.cpp's sources: see `converted.py`.

    json  "sizes": [width, height, rows, columns, tokens, what stands for the picture in the prompt, sizes of parts];
          "closer": the same of files that look closer
    npz   "{width}x{height} pixels {part}": of a part, uint8, the whole first, in the tiny sizes of the tests
"""

from __future__ import annotations

import json
import re
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
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
from tests.random_models.pieces import PIXELS, SIZES
from tests.random_models.small_models import CLOSER, LFM2_VL, MINICPM_V46, NORMED
from tests.random_models.talks import SmallModel
from tests.recording.converted import Files, give_weights, tokenizer_of
from tests.recording.seen import Original, record

HALF = [0.5, 0.5, 0.5]
Size = tuple[int, int]


class Pieces(ABC):
    """One model as transformers has it."""

    image: str  # the token that stands for a row
    frame: str  # what the processor writes around a picture

    def __init__(self, model: Path, mmproj: Path) -> None:
        self.processor, self.model = self.load(model, mmproj)

    @abstractmethod
    def load(self, path: Path, mmproj: Path) -> tuple[Any, Any]:
        """Return the processor, and the model with the weights of two files."""

    @abstractmethod
    def layout(self, width: int, height: int) -> tuple[Size, list[Size], str]:
        """Return rows and columns, the sizes of the whole and of a tile, and what stands for it in the prompt."""

    @abstractmethod
    def parts_of(self, inputs: Any) -> list[Any]:
        """Return the pixels of all parts of one picture, the whole first, of what the processor made."""

    @abstractmethod
    def parts(self, picture: Image.Image) -> list[Any]:
        """Return the pixels of all parts in a tiny size, the whole first."""

    def whole(self, inputs: Any) -> Any:
        """Return the pixels of the whole."""
        return self.parts_of(inputs)[0]

    def sizes(self) -> list[list[Any]]:
        """Return what is recorded of pictures of all sizes."""
        found = []
        for width, height in SIZES:
            (rows, columns), parts, text = self.layout(width, height)
            text = re.sub(f"({re.escape(self.image)})+", lambda run: f"{{{len(run[0]) // len(self.image)}}}", text)
            tokens = sum(map(int, re.findall(r"{(\d+)}", text)))
            found.append([width, height, rows, columns, tokens, text, parts])
        return found


class Lfm2(Pieces):
    """LFM2-VL and LFM2.5-VL."""

    image, frame = "<image>", re.escape("<|image_start|><picture><|image_end|>")
    normed = False

    def load(self, path: Path, mmproj: Path) -> tuple[Any, Any]:
        """See `Pieces`."""
        sizes, tower = lfm2.Sizes(), lfm2_vl.TOWER
        tokenizer = tokenizer_of(
            path,
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
            projector_use_layernorm=self.normed,
            downsample_factor=lfm2_vl.MERGED,
        )
        seeing = Lfm2VlForConditionalGeneration(config).float()
        files = Files(
            path,
            mmproj,
            text_architecture="Lfm2ForCausalLM",
            rename=lambda name: name.replace("vision_tower.", "vision_tower.vision_model."),
        )
        give_weights(seeing, processor, files)
        return processor, seeing

    def layout(self, width: int, height: int) -> tuple[Size, list[Size], str]:
        """See `Pieces`."""
        inputs = self.processor.image_processor(patterned(width, height), return_row_col_info=True)
        (rows,), (columns,), (whole,) = (inputs[f"image_{key}"] for key in ("rows", "cols", "sizes"))
        text = self.processor.replace_image_token(inputs, 0, use_image_special_tokens=True)
        parts = [(whole[1], whole[0]), (512, 512)]
        return ((rows, columns), parts, text) if rows * columns > 1 else ((0, 0), parts[:1], text)

    def parts(self, picture: Image.Image) -> list[Any]:
        """See `Pieces`."""
        small = Lfm2VlImageProcessor(
            image_mean=HALF, image_std=HALF, tile_size=64, min_image_tokens=1, max_image_tokens=4
        )
        return self.parts_of(small(picture, return_tensors="pt"))

    def parts_of(self, inputs: Any) -> list[Any]:
        """See `Pieces`."""
        found = []
        for values, (rows, columns) in zip(inputs["pixel_values"], inputs["spatial_shapes"].tolist(), strict=True):
            part = values[: rows * columns].reshape(rows, columns, 16, 16, 3).transpose(1, 2)
            found.append(part.reshape(rows * 16, columns * 16, 3))
        return list(map(pixels_of, [found[-1], *found[:-1]]))


class NormedLfm2(Lfm2):
    """Files that norm what they merge."""

    normed = True


class MiniCPM(Pieces):
    """MiniCPM-V 4.6."""

    image, frame = "<|image_pad|>", r"<image_id>\d+</image_id><image><picture></image>"
    merged = minicpm_v46.TWICE

    def load(self, path: Path, mmproj: Path) -> tuple[Any, Any]:
        """See `Pieces`."""
        sizes, tower = qwen35.Sizes(), minicpm_v46.TOWER
        tokenizer = tokenizer_of(
            path,
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
            path,
            mmproj,
            computed={"A_log": lambda values: np.log(-values)},
            other_keys=frozenset({"clip.vision.wa_layer_indexes"}) if self.merged == minicpm_v46.ONCE else frozenset(),
        )
        give_weights(seeing, processor, files)
        return processor, seeing

    def layout(self, width: int, height: int) -> tuple[Size, list[Size], str]:
        """See `Pieces`."""
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
        """See `Pieces`."""
        return self.parts_of(self.processor.image_processor(picture, return_tensors="pt"))

    def parts_of(self, inputs: Any) -> list[Any]:
        """See `Pieces`."""
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


def main() -> None:
    """Record everything."""
    kinds: dict[SmallModel, type[Pieces]] = {
        LFM2_VL: Lfm2,
        NORMED: NormedLfm2,
        MINICPM_V46: MiniCPM,
        CLOSER: CloseMiniCPM,
    }
    found: dict[str, dict[str, list[Any]]] = {}
    for small, kind in kinds.items():
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            pieces = kind(*small.write(Path(folder)))
            original = Original(pieces.model, pieces.processor, pieces.image, frame=pieces.frame)
            record(small, original, pieces.whole)
            if small is not NORMED:
                found.setdefault(small.family, {})["closer" if small is CLOSER else "sizes"] = pieces.sizes()
            if small in (LFM2_VL, MINICPM_V46):
                parts = {
                    f"{size[0]}x{size[1]} pixels {number}": part
                    for size in PIXELS
                    for number, part in enumerate(pieces.parts(patterned(*size)))
                }
                np.savez_compressed(DATA / f"{small.family}.npz", **parts)
    for family, sizes in found.items():
        lists = (f'"{key}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for key, rows in sizes.items())
        (DATA / f"{family}.json").write_text("{" + ",\n".join(lists) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
