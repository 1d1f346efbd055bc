"""Writes the trained network as GGUF + mmproj for llama.cpp, and as transformers weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from dialogues.labels import PATCH
from fidelity.gguf_files import About, write_language_model, write_projector
from fidelity.shapes import Text, Vision
from fidelity.vocabularies import Vocabulary
from network import MEAN, STD, Llava, Shape
from pictures.variants import SIDE
from tokenizer import BOS, EOS, Tokenizer
from torch import Tensor

TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] }} "
    "{% elif m['role'] == 'user' %}USER: {{ m['content'] }} "
    "{% elif m['role'] == 'assistant' %}ASSISTANT: {{ m['content'] }}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
ABOUT = About(
    "Eyebright tiny",
    "A tiny LLaVA that talks about simple drawn pictures, trained from scratch for Eyebright",
    "MIT",
    TEMPLATE,
)
ABOUT_PROJECTOR = About(
    "Eyebright tiny image projector", "Image encoder and projector that belong to Eyebright tiny", "MIT"
)


def transformers_state(model: Llava) -> dict[str, Tensor]:
    """The weights under the names of LlavaForConditionalGeneration.

    The last layer of the CLIP tower, which LLaVA skips, is filled with zeros.
    """
    state: dict[str, Tensor] = {}
    tower, width = "model.vision_tower.", model.shape.vision_width
    t = model.tower
    state[tower + "embeddings.class_embedding"] = t.cls
    state[tower + "embeddings.patch_embedding.weight"] = t.patch.weight.view(width, 3, PATCH, PATCH)
    state[tower + "embeddings.position_embedding.weight"] = t.position
    for kind in ("weight", "bias"):
        state[tower + f"pre_layrnorm.{kind}"] = getattr(t.pre_ln, kind)
        state[tower + f"post_layernorm.{kind}"] = torch.ones(width) if kind == "weight" else torch.zeros(width)
        for i, block in enumerate(t.blocks):
            layer = f"{tower}encoder.layers.{i}."
            for name, part in zip("qkv", getattr(block.qkv, kind).chunk(3), strict=True):
                state[f"{layer}self_attn.{name}_proj.{kind}"] = part
            for theirs, ours in (
                ("self_attn.out_proj", block.out),
                ("layer_norm1", block.ln1),
                ("layer_norm2", block.ln2),
                ("mlp.fc1", block.fc1),
                ("mlp.fc2", block.fc2),
            ):
                state[f"{layer}{theirs}.{kind}"] = getattr(ours, kind)
        state[f"model.multi_modal_projector.linear_1.{kind}"] = getattr(model.projector.first, kind)
        state[f"model.multi_modal_projector.linear_2.{kind}"] = getattr(model.projector.second, kind)
    last = f"{tower}encoder.layers.{model.shape.vision_layers}."
    first = f"{tower}encoder.layers.0."
    state.update({k.replace(first, last): torch.zeros_like(v) for k, v in list(state.items()) if k.startswith(first)})
    llama, d = "model.language_model.", model.decoder
    state[llama + "embed_tokens.weight"] = d.embed.weight
    state[llama + "norm.weight"] = d.norm
    state["lm_head.weight"] = d.head.weight
    for i, block in enumerate(d.blocks):
        layer = f"{llama}layers.{i}."
        state[layer + "input_layernorm.weight"] = block.norm1
        state[layer + "post_attention_layernorm.weight"] = block.norm2
        for name, part in zip("qkv", block.qkv.weight.chunk(3), strict=True):
            state[f"{layer}self_attn.{name}_proj.weight"] = part
        state[layer + "self_attn.o_proj.weight"] = block.out.weight
        gate, up = block.gate_up.weight.chunk(2)
        state[layer + "mlp.gate_proj.weight"] = gate
        state[layer + "mlp.up_proj.weight"] = up
        state[layer + "mlp.down_proj.weight"] = block.down.weight
    return {k: v.detach().float().contiguous() for k, v in state.items()}


def transformers_model(model: Llava, tokenizer: Tokenizer) -> Any:
    """LlavaForConditionalGeneration with the same weights, in float32."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    s = model.shape
    vision = CLIPVisionConfig(
        hidden_size=s.vision_width,
        intermediate_size=s.vision_inner,
        num_hidden_layers=s.vision_layers + 1,
        num_attention_heads=s.vision_heads,
        image_size=SIDE,
        patch_size=PATCH,
        projection_dim=s.vision_width,
        hidden_act="quick_gelu",
        layer_norm_eps=s.vision_eps,
    )
    text = LlamaConfig(
        vocab_size=s.vocabulary,
        hidden_size=s.width,
        intermediate_size=s.inner,
        num_hidden_layers=s.layers,
        num_attention_heads=s.heads,
        num_key_value_heads=s.heads,
        max_position_embeddings=s.context,
        rms_norm_eps=s.eps,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=tokenizer.pad,
        tie_word_embeddings=False,
        attention_bias=False,
        rope_theta=s.rope_base,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.image,
        projector_hidden_act="gelu",
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=(SIDE // PATCH) ** 2,
        tie_word_embeddings=False,
    )
    theirs = LlavaForConditionalGeneration(config).float().eval()
    state = transformers_state(model)
    wanted = theirs.state_dict()
    # Older and newer releases differ in whether the tower is wrapped once more.
    renamed = {
        k if k in wanted else k.replace("vision_tower.", "vision_tower.vision_model.", 1): v for k, v in state.items()
    }
    missing, unexpected = theirs.load_state_dict(renamed, strict=False)
    if unexpected or [m for m in missing if "position_ids" not in m and "inv_freq" not in m]:
        raise ValueError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    return theirs


def write_decoder(model: Llava, tokenizer: Tokenizer, path: Path) -> None:
    """Write the language model as an f16 GGUF."""
    s = model.shape
    text = Text(s.width, s.layers, s.heads, s.heads, s.inner, eps=s.eps, rope_base=s.rope_base, context=s.context)
    vocabulary = Vocabulary(
        kind="llama",
        pieces=tokenizer.pieces,
        types=tokenizer.kinds,
        bos=BOS,
        eos=EOS,
        scores=tokenizer.scores,
        pad=tokenizer.pad,
    )
    write_language_model(path, text, _arrays(model), vocabulary, ABOUT)


def write_mmproj(model: Llava, path: Path) -> None:
    """Write image tower and projector as an f16 mmproj."""
    s = model.shape
    vision = Vision(
        s.vision_width,
        s.vision_layers,
        s.vision_heads,
        s.vision_inner,
        SIDE,
        PATCH,
        eps=s.vision_eps,
        mean=MEAN,
        std=STD,
    )
    write_projector(path, vision, _arrays(model), ABOUT_PROJECTOR)


def _arrays(model: Llava) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in transformers_state(model).items()}


def round_to_half(model: Llava) -> None:
    """Round the matrices as the files do, so that all engines start from the same numbers."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(parameter.half().float())


def write_pair(model: Llava, tokenizer: Tokenizer, folder: Path) -> tuple[Path, Path]:
    """Write eyebright-tiny.gguf and eyebright-tiny-mmproj.gguf into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    decoder, projector = folder / "eyebright-tiny.gguf", folder / "eyebright-tiny-mmproj.gguf"
    write_decoder(model, tokenizer, decoder)
    write_mmproj(model, projector)
    return decoder, projector


def load(checkpoint: Path, tokenizer: Tokenizer) -> Llava:
    """The network of a checkpoint."""
    model = Llava(Shape(vocabulary=len(tokenizer)))
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    return model.eval()
