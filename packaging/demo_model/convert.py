"""Writes the trained network as GGUF + mmproj for llama.cpp, and as transformers weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from labels import PATCH
from network import MEAN, STD, Llava, Shape
from tokenizer import BOS, EOS, Tokenizer
from torch import Tensor
from variants import SIDE

NAME = "Eyebright tiny"
LICENCE = "MIT"
TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] }} "
    "{% elif m['role'] == 'user' %}USER: {{ m['content'] }} "
    "{% elif m['role'] == 'assistant' %}ASSISTANT: {{ m['content'] }}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
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


def _neighbours(weight: np.ndarray, heads: int) -> np.ndarray:
    """Reorder rows: transformers rotates halves of a head, llama.cpp neighbours."""
    rows = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, rows, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def _put(writer: Any, name: str, weight: Tensor, half: bool = True) -> None:
    array = np.ascontiguousarray(weight.numpy().astype(np.float32))
    writer.add_tensor(name, array.astype(np.float16) if array.ndim > 1 and half else array)


def write_decoder(model: Llava, tokenizer: Tokenizer, path: Path) -> None:
    """Write the language model as an f16 GGUF."""
    from gguf import GGUFWriter, LlamaFileType

    s, state = model.shape, transformers_state(model)
    w = GGUFWriter(str(path), "llama")
    w.add_name(NAME)
    w.add_description("A tiny LLaVA that talks about simple drawn pictures, trained from scratch for Eyebright")
    w.add_license(LICENCE)
    w.add_context_length(s.context)
    w.add_embedding_length(s.width)
    w.add_block_count(s.layers)
    w.add_feed_forward_length(s.inner)
    w.add_head_count(s.heads)
    w.add_head_count_kv(s.heads)
    w.add_layer_norm_rms_eps(s.eps)
    w.add_rope_dimension_count(s.width // s.heads)
    w.add_rope_freq_base(s.rope_base)
    w.add_vocab_size(s.vocabulary)
    w.add_file_type(LlamaFileType.MOSTLY_F16)
    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    w.add_token_list([p.encode() for p in tokenizer.pieces])
    w.add_token_scores(tokenizer.scores)
    w.add_token_types(tokenizer.kinds)
    w.add_bos_token_id(BOS)
    w.add_eos_token_id(EOS)
    w.add_unk_token_id(0)
    w.add_pad_token_id(tokenizer.pad)
    w.add_add_bos_token(True)
    w.add_add_eos_token(False)
    w.add_add_space_prefix(True)
    w.add_chat_template(TEMPLATE)
    llama = "model.language_model."
    _put(w, "token_embd.weight", state[llama + "embed_tokens.weight"])
    _put(w, "output_norm.weight", state[llama + "norm.weight"])
    _put(w, "output.weight", state["lm_head.weight"])
    for i in range(s.layers):
        theirs, ours = f"{llama}layers.{i}.", f"blk.{i}."
        _put(w, ours + "attn_norm.weight", state[theirs + "input_layernorm.weight"])
        _put(w, ours + "ffn_norm.weight", state[theirs + "post_attention_layernorm.weight"])
        for name in "qk":
            rows = _neighbours(state[f"{theirs}self_attn.{name}_proj.weight"].numpy(), s.heads)
            _put(w, f"{ours}attn_{name}.weight", torch.from_numpy(np.ascontiguousarray(rows)))
        _put(w, ours + "attn_v.weight", state[theirs + "self_attn.v_proj.weight"])
        _put(w, ours + "attn_output.weight", state[theirs + "self_attn.o_proj.weight"])
        for name in ("gate", "up", "down"):
            _put(w, f"{ours}ffn_{name}.weight", state[f"{theirs}mlp.{name}_proj.weight"])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def write_projector(model: Llava, path: Path) -> None:
    """Write image tower and projector as an f16 mmproj.

    The unused last CLIP layer is left out and ``feature_layer`` names the last one that
    is there: without that key llama.cpp would run one layer too few.
    """
    from gguf import GGUFWriter

    s, state = model.shape, transformers_state(model)
    w = GGUFWriter(str(path), "clip")
    w.add_name(NAME + " image projector")
    w.add_description("Image encoder and projector that belong to " + NAME)
    w.add_license(LICENCE)
    w.add_file_type(1)
    w.add_bool("clip.has_text_encoder", False)
    w.add_bool("clip.has_vision_encoder", True)
    w.add_bool("clip.has_llava_projector", True)
    w.add_string("clip.projector_type", "mlp")
    w.add_bool("clip.use_gelu", False)  # neither GELU nor SiLU: quick GELU
    for key, number in (
        ("image_size", SIDE),
        ("patch_size", PATCH),
        ("embedding_length", s.vision_width),
        ("feed_forward_length", s.vision_inner),
        ("projection_dim", s.vision_width),
        ("attention.head_count", s.vision_heads),
        ("block_count", s.vision_layers),
    ):
        w.add_uint32(f"clip.vision.{key}", number)
    w.add_float32("clip.vision.attention.layer_norm_epsilon", s.vision_eps)
    w.add_array("clip.vision.feature_layer", [s.vision_layers])
    w.add_array("clip.vision.image_mean", list(MEAN))
    w.add_array("clip.vision.image_std", list(STD))
    tower = "model.vision_tower."
    _put(w, "v.class_embd", state[tower + "embeddings.class_embedding"])
    _put(w, "v.patch_embd.weight", state[tower + "embeddings.patch_embedding.weight"])
    _put(w, "v.position_embd.weight", state[tower + "embeddings.position_embedding.weight"])
    for kind in ("weight", "bias"):
        _put(w, f"v.pre_ln.{kind}", state[tower + f"pre_layrnorm.{kind}"])
        for i in range(s.vision_layers):
            for ours, theirs in (
                ("attn_q", "self_attn.q_proj"),
                ("attn_k", "self_attn.k_proj"),
                ("attn_v", "self_attn.v_proj"),
                ("attn_out", "self_attn.out_proj"),
                ("ln1", "layer_norm1"),
                ("ln2", "layer_norm2"),
                ("ffn_up", "mlp.fc1"),
                ("ffn_down", "mlp.fc2"),
            ):
                _put(w, f"v.blk.{i}.{ours}.{kind}", state[f"{tower}encoder.layers.{i}.{theirs}.{kind}"])
        _put(w, f"mm.0.{kind}", state[f"model.multi_modal_projector.linear_1.{kind}"])
        _put(w, f"mm.2.{kind}", state[f"model.multi_modal_projector.linear_2.{kind}"])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


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
    write_projector(model, projector)
    return decoder, projector


def load(checkpoint: Path, tokenizer: Tokenizer) -> Llava:
    """The network of a checkpoint."""
    model = Llava(Shape(vocabulary=len(tokenizer)))
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    return model.eval()
