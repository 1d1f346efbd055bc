"""Write tests/data/divided.json and divided.npz: how the originals of InternVL3 and MiniCPM-V divide and see pictures.

    PYTHONPATH=packaging:. python -m tests.recording.divided

Needs what packaging/demo_model/requirements.txt names. The weights are those that the tests make of
random numbers, so that the tests can hold the engine to what is recorded:

    divided.json  family -> [width, height, rows, columns, tokens] for parts of 448 pixels; of MiniCPM-V also what
                  stands for the picture in the prompt, and the sizes of overview and slices;
                  "places": those of MiniCPM-V's patches along an edge
    divided.npz   "{family} {width}x{height} pixels {part}": of a part, uint8; "... rows": of the whole
                  picture; "... logits": of the first token after BEFORE, the picture and AFTER
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf_writing import DECODER_NAMES
from transformers import InternVLConfig, InternVLForConditionalGeneration, Qwen2Config, Qwen2ForCausalLM
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import (
    GotOcr2ImageProcessorPil,
    get_optimal_tiled_canvas,
)
from transformers.models.internvl.configuration_internvl import InternVLVisionConfig

from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models import architectures, projectors
from tests.random_models.divided import AFTER, BEFORE, PICTURES, SIZES, write_model, write_projector
from tests.recording.minicpm_v import Eyes, parts_of, placeholder, places, sizes_of_parts, sliced_grid

COUNTS = (1, 7, 16, 25, 31, 32, 33, 49, 50, 58, 77, 125)
MEAN, STD = projectors.MEAN, projectors.STD
Weights = dict[str, torch.Tensor]


def tensors_of(path: Path) -> Weights:
    """Return the weights of a GGUF by name."""
    return {t.name: torch.tensor(np.asarray(t.data, np.float32)) for t in gguf.GGUFReader(str(path)).tensors}


def found_in(parts: list[Any], rows: torch.Tensor, logits: torch.Tensor) -> dict[str, Any]:
    """Return what is recorded of a picture."""
    found = {f"pixels {number}": part for number, part in enumerate(parts)}
    return found | {"rows": rows.numpy().astype(np.float16), "logits": logits.numpy()}


def pixels_of(values: torch.Tensor) -> Any:
    """Return normalised values, channels first, as the pixels that they were made of."""
    mean, std = torch.tensor(MEAN).reshape(3, 1, 1), torch.tensor(STD).reshape(3, 1, 1)
    return ((values * std + mean) * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


class InternVL3:
    """InternVL3 as transformers has it."""

    def __init__(self, folder: Path) -> None:
        text = tensors_of(write_model(folder, "internvl3"))
        seeing = tensors_of(write_projector(folder, "internvl3"))
        self.token = len(text["token_embd.weight"]) - 1
        config = InternVLConfig(
            vision_config=InternVLVisionConfig(
                hidden_size=projectors.WIDTH,
                num_hidden_layers=projectors.LAYERS,
                num_attention_heads=projectors.HEADS,
                intermediate_size=projectors.INNER,
                image_size=projectors.SIDE,
                patch_size=projectors.PATCH,
                attention_bias=True,
            ),
            text_config=qwen2_config(text),
            image_token_id=self.token,
            downsample_ratio=1 / projectors.MERGED,
            tie_word_embeddings=False,
        )
        self.model = InternVLForConditionalGeneration(config).float().eval()
        self.model.load_state_dict(qwen2_state(text, "model.language_model.") | self._seeing(seeing))

    def _seeing(self, weights: Weights) -> Weights:
        tower, projector = "model.vision_tower", "model.multi_modal_projector"
        state = {
            f"{tower}.embeddings.cls_token": weights["v.class_embd"].reshape(1, 1, -1),
            f"{tower}.embeddings.position_embeddings": weights["v.position_embd.weight"][None],
            f"{tower}.embeddings.patch_embeddings.projection.weight": weights["v.patch_embd.weight"],
            f"{tower}.embeddings.patch_embeddings.projection.bias": weights["v.patch_embd.bias"],
        }
        names = {
            "attn_q": "attention.q_proj",
            "attn_k": "attention.k_proj",
            "attn_v": "attention.v_proj",
            "attn_out": "attention.projection_layer",
            "ln1": "layernorm_before",
            "ln2": "layernorm_after",
            "ffn_up": "mlp.fc1",
            "ffn_down": "mlp.fc2",
        }
        for index in range(projectors.LAYERS):
            layer = f"{tower}.encoder.layer.{index}"
            for number in (1, 2):
                state[f"{layer}.lambda_{number}"] = weights[f"v.blk.{index}.ls{number}.weight"]
            for ours, theirs in names.items():
                for kind in ("weight", "bias"):
                    state[f"{layer}.{theirs}.{kind}"] = weights[f"v.blk.{index}.{ours}.{kind}"]
        for number, name in ((0, "layer_norm"), (1, "linear_1"), (3, "linear_2")):
            for kind in ("weight", "bias"):
                state[f"{projector}.{name}.{kind}"] = weights[f"mm.model.mlp.{number}.{kind}"]
        return state

    def seen(self, width: int, height: int) -> dict[str, Any]:
        """Return the pixels of all parts, the rows and the logits."""
        side = {"height": projectors.SIDE, "width": projectors.SIDE}
        processor = GotOcr2ImageProcessorPil(size=side, crop_to_patches=True, image_mean=MEAN, image_std=STD)
        values = processor(patterned(width, height), return_tensors="pt")["pixel_values"].float()
        rows = self.model.model.get_image_features(values).pooler_output
        ids = torch.tensor([[*BEFORE, *[self.token] * rows.shape[0] * rows.shape[1], *AFTER]])
        logits = self.model(input_ids=ids, pixel_values=values).logits[0, -1]
        # Ours are in another order: the whole comes first.
        return found_in([pixels_of(part) for part in (values[-1], *values[:-1])], rows.flatten(0, 1), logits)

    @staticmethod
    def counted(width: int, height: int) -> list[Any]:
        """Return a picture's grid and tokens; no grid: it is seen as a whole only."""
        columns, rows = get_optimal_tiled_canvas((height, width), (448, 448), 1, 12)
        processor = GotOcr2ImageProcessorPil(size={"height": 448, "width": 448}, crop_to_patches=True)
        tokens = 256 * processor.get_number_of_image_patches(height, width)
        return [width, height, rows, columns, tokens] if rows * columns > 1 else [width, height, 0, 0, tokens]


class MiniCPMV:
    """MiniCPM-V 2.6: the published arithmetic, and transformers' language model."""

    def __init__(self, folder: Path) -> None:
        path = write_model(folder, "minicpm_v")
        tokens = gguf.GGUFReader(str(path)).get_field("tokenizer.ggml.tokens")
        self.ids = {token: number for number, token in enumerate(tokens.contents())}
        text = tensors_of(path)
        self.language = Qwen2ForCausalLM(qwen2_config(text)).float().eval()
        self.language.load_state_dict(qwen2_state(text, "model."))
        seeing = tensors_of(write_projector(folder, "minicpm_v"))
        self.eyes = Eyes(seeing, projectors.LAYERS, projectors.HEADS, projectors.PATCH)

    def seen(self, width: int, height: int) -> dict[str, Any]:
        """Return the pixels of all parts, the rows and the logits."""
        parts = list(parts_of(patterned(width, height), projectors.SIDE, projectors.PATCH))
        rows = [self.eyes.rows(part) for part in parts]
        text = placeholder(width, height, projectors.SIDE, projectors.QUERIES).removeprefix("<image_id>0</image_id>")
        # Special tokens, line breaks, and between them the places of the parts.
        pieces = re.findall(r"</?\w+>|\n|{\d+}", text)
        waiting = iter(rows)
        between = [next(waiting) if piece.startswith("{") else self._embedded(piece) for piece in pieces]
        before, after = (self.language.get_input_embeddings()(torch.tensor(ids)) for ids in (BEFORE, AFTER))
        logits = self.language(inputs_embeds=torch.cat([before, *between, after])[None]).logits[0, -1]
        return found_in([np.asarray(part) for part in parts], torch.cat(rows), logits)

    def _embedded(self, token: str) -> torch.Tensor:
        number = self.ids["<0x0A>" if token == "\n" else token]
        return self.language.get_input_embeddings()(torch.tensor([number]))

    @staticmethod
    def counted(width: int, height: int) -> list[Any]:
        """Return a picture's grid and tokens, what stands for it in the prompt, and the sizes of its parts."""
        columns, rows = sliced_grid(width, height, 448) or (0, 0)
        text = placeholder(width, height, 448, 64)
        parts, lines = columns * rows + 1, text.count("\n")
        return [
            width,
            height,
            rows,
            columns,
            parts * 64 + (parts - 1) * 2 + lines,
            text,
            sizes_of_parts(width, height, 448, 14),
        ]


def qwen2_config(weights: Weights) -> Qwen2Config:
    """Return how the language model of the tests is built."""
    return Qwen2Config(
        vocab_size=len(weights["token_embd.weight"]),
        hidden_size=weights["token_embd.weight"].shape[1],
        intermediate_size=architectures.INNER,
        num_hidden_layers=architectures.LAYERS,
        num_attention_heads=architectures.HEADS,
        num_key_value_heads=architectures.HEADS,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        tie_word_embeddings=False,
    )


def qwen2_state(weights: Weights, prefix: str) -> Weights:
    """Return its weights as transformers names them."""
    state = {
        f"{prefix}embed_tokens.weight": weights["token_embd.weight"],
        f"{prefix}norm.weight": weights["output_norm.weight"],
        "lm_head.weight": weights["output.weight"],
    }
    for index in range(architectures.LAYERS):
        for ours, theirs in DECODER_NAMES.items():
            for kind in ("weight", "bias"):
                if f"blk.{index}.{ours}.{kind}" in weights:
                    state[f"{prefix}layers.{index}.{theirs}.{kind}"] = weights[f"blk.{index}.{ours}.{kind}"]
    return state


def main() -> None:
    """Record everything."""
    arrays: dict[str, Any] = {}
    counted: dict[str, list[list[Any]]] = {}
    for name, original in {"internvl3": InternVL3, "minicpm_v": MiniCPMV}.items():
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            model = original(Path(folder))
            for width, height in PICTURES:
                for key, value in model.seen(width, height).items():
                    arrays[f"{name} {width}x{height} {key}"] = value
        counted[name] = [original.counted(width, height) for width, height in SIZES]
    np.savez_compressed(DATA / "divided.npz", **arrays)
    counted["places"] = [places(count).tolist() for count in COUNTS]
    families = (f'"{name}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for name, rows in counted.items())
    (DATA / "divided.json").write_text("{" + ",\n".join(families) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
