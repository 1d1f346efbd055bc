"""The reference: transformers' LLaVA with the same weights, in float32. Needs PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    MistralConfig,
    Phi3Config,
)
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

from fidelity.pictures import Pixels
from fidelity.shapes import Shape, Text, Vision
from fidelity.vocabularies import IMAGE, Vocabulary, vocabulary_for
from fidelity.weights import PROJECTOR, Array, State, weights

_TEXT_CONFIGS = {"llama": LlamaConfig, "mistral": MistralConfig, "phi3": Phi3Config}


@dataclass
class Seen:
    """A picture as the tower gets it: normalised, and as the bytes it was before that."""

    tensor: torch.Tensor  # 1 x 3 x side x side
    rgb: Pixels  # side x side x 3


class Reference:
    """One model."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.vocabulary = vocabulary_for(shape.family)
        self._image = self.vocabulary.pieces.index(IMAGE)
        self._model = _model(shape, self.vocabulary)

    def embedding(self, seen: Seen) -> Array:
        """Return the tokens of a picture, n x width."""
        with torch.no_grad():
            found = self._model.get_image_features(pixel_values=seen.tensor)
        found = getattr(found, "pooler_output", found)
        return np.concatenate([np.asarray(part) for part in found]).reshape(-1, self.shape.text.width)

    def logits(self, tokens: list[int], *seen: Seen) -> Array:
        """Return the logits after a prompt in which each picture is one token."""
        ids = [i for token in tokens for i in [token] * (self.shape.vision.tokens if token == self._image else 1)]
        inputs = torch.tensor([ids])
        pixels = torch.cat([one.tensor for one in seen])
        with torch.no_grad():
            out = self._model(input_ids=inputs, attention_mask=torch.ones_like(inputs), pixel_values=pixels)
        return np.asarray(out.logits[0, -1], np.float32)

    def answer(self, tokens: list[int], seen: Seen, length: int) -> list[int]:
        """Return the best tokens that follow a prompt."""
        answer: list[int] = []
        for _ in range(length):
            answer.append(int(self.logits([*tokens, *answer], seen).argmax()))
        return answer


def look(picture: Pixels, vision: Vision) -> Seen:
    """Prepare a picture: padded to a square with the mean colour, reduced, normalised."""
    from PIL import Image

    processor = LlavaImageProcessorPil(
        do_pad=True,
        size={"shortest_edge": vision.side},
        crop_size={"height": vision.side, "width": vision.side},
        image_mean=list(vision.mean),
        image_std=list(vision.std),
    )
    values = np.asarray(processor(Image.fromarray(picture), return_tensors="np")["pixel_values"], np.float32)
    raw = (values[0].transpose(1, 2, 0) * np.array(vision.std) + np.array(vision.mean)) * 255
    rounded = np.rint(raw)
    if np.abs(raw - rounded).max() > 0.01 or rounded.min() < 0 or rounded.max() > 255:
        raise ValueError("the reference does not prepare pictures byte by byte any more")
    return Seen(torch.from_numpy(values), rounded.astype(np.uint8))


def _model(shape: Shape, vocabulary: Vocabulary) -> Any:
    vision, text = shape.vision, shape.text
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=vision.width,
            intermediate_size=vision.feed_forward,
            num_hidden_layers=vision.layers + 1,
            num_attention_heads=vision.heads,
            image_size=vision.side,
            patch_size=vision.patch,
            projection_dim=vision.width,
            hidden_act="gelu" if vision.gelu else "quick_gelu",
            layer_norm_eps=vision.eps,
        ),
        text_config=_text_config(text, vocabulary),
        image_token_id=vocabulary.pieces.index(IMAGE),
        projector_hidden_act="linear" if vision.linear else "gelu",
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=vision.tokens,
        tie_word_embeddings=text.tied,
    )
    model = LlavaForConditionalGeneration(config).float().eval()
    _load(model, weights(shape, vocabulary.rare), shape)
    return model


def _text_config(text: Text, vocabulary: Vocabulary) -> Any:
    more: dict[str, int | None] = {} if text.original == "phi3" else {"head_dim": text.head_size}
    if text.original == "mistral":
        more["sliding_window"] = None
    return _TEXT_CONFIGS[text.original](
        vocab_size=len(vocabulary),
        hidden_size=text.width,
        intermediate_size=text.feed_forward,
        num_hidden_layers=text.layers,
        num_attention_heads=text.heads,
        num_key_value_heads=text.kv_heads,
        max_position_embeddings=text.context,
        rms_norm_eps=text.eps,
        bos_token_id=vocabulary.bos,
        eos_token_id=vocabulary.eos,
        pad_token_id=vocabulary.eos,
        tie_word_embeddings=text.tied,
        rope_theta=text.rope_base,
        **more,
    )


def _load(model: Any, state: State, shape: Shape) -> None:
    if shape.vision.linear:  # the reference has two matrices: the second is to change nothing
        width = shape.text.width
        state = {
            **state,
            f"{PROJECTOR}linear_2.weight": np.eye(width, dtype=np.float32),
            f"{PROJECTOR}linear_2.bias": np.zeros(width, np.float32),
        }
    missing, unexpected = model.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=False)
    wanted = [name for name in missing if name != "lm_head.weight" or not shape.text.tied]
    if unexpected or [name for name in wanted if "position_ids" not in name and "inv_freq" not in name]:
        raise ValueError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
