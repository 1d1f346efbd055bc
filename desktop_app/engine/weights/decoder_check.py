"""Checks the GGUF header of a language model for what llama.cpp asserts, which would end the process.

What llama.cpp refuses by itself, such as missing tensors or values of a wrong type, is left to it.
"""

from __future__ import annotations

import math

from model_store.gguf_header import ARRAY_OF, F32, I32, STRING, GGUFHeader, LongArray, Value

_ALIGNMENT = 32  # bytes, of every buffer of ggml
_MOST_BLOCKS = 512  # LLAMA_MAX_LAYERS
_MOST_EXPERTS = 1024  # LLAMA_MAX_EXPERTS
_LEAST_CONTEXT = 256  # tokens; a batch and the shortest prompt must fit
#: Architectures with gated delta nets.
_DELTA_NETS = frozenset({"qwen35", "qwen35moe", "qwen3next"})
_VOCABULARY = "tokenizer.ggml."
_NO_TEXT = frozenset({"none", "no_vocab"})
#: Vocabularies that no model of ours writes in.
_OTHER_TOKENIZERS = frozenset({"bert", "t5", "test"})
#: Types of tensors in which llama.cpp computes with weights not at all.
NO_WEIGHTS = frozenset({"I8", "I16", "I32", "I64", "F64", "Q8_1", "Q8_K"})


def is_sound_decoder(header: GGUFHeader) -> bool:
    """Return whether llama.cpp can load and run this language model without ending the process."""
    architecture = header.architecture
    context, blocks = (header.integer(f"{architecture}.{key}") for key in ("context_length", "block_count"))
    return (
        has_sound_numbers(header)
        and context is not None
        and context >= _LEAST_CONTEXT
        and blocks is not None
        and 1 <= blocks <= _MOST_BLOCKS
        and 0 <= (header.integer(f"{architecture}.n_deepstack_layers") or 0) <= blocks  # rows are so much wider
        and header.metadata.get(f"{architecture}.attention.causal") is not False
        and _sound_experts(header)
        and _sound_rotation(header)
        and _sound_layers(header, blocks)
        and _sound_states(header)
        and _sound_vocabulary(header)
    )


def has_text(header: GGUFHeader) -> bool:
    """Return whether it has a vocabulary: without one a model can be planned and measured, but not asked."""
    return header.text(_VOCABULARY + "model") not in _NO_TEXT


def has_sound_numbers(header: GGUFHeader) -> bool:
    """Return whether alignment, epsilons and types of weights are such that llama.cpp can compute with them."""
    alignment = header.integer("general.alignment") or _ALIGNMENT
    epsilons = (value for key, value in header.metadata.items() if key.endswith("norm_epsilon") or "rms_eps" in key)
    return (
        alignment % _ALIGNMENT == 0
        and all(isinstance(value, float) and math.isfinite(value) and value >= 0 for value in epsilons)
        and not any(_is_unusable(tensor.name, tensor.kind, tensor.shape) for tensor in header.tensors.values())
    )


def _is_unusable(name: str, kind: str, shape: tuple[int, ...]) -> bool:
    """Return whether a weight has a type in which it cannot be used; vectors are added and multiplied as F32 only."""
    if not name.endswith((".weight", ".bias")):
        return False
    is_vector = max(shape) == math.prod(shape)
    return kind in NO_WEIGHTS or (is_vector and len(shape) == 1 and kind != "F32")


def _sound_experts(header: GGUFHeader) -> bool:
    names = ("expert_count", "expert_used_count", "expert_group_count", "expert_group_used_count")
    count, used, groups, groups_used = (_largest(header.metadata.get(f"{header.architecture}.{key}")) for key in names)
    if not 0 <= used <= count <= _MOST_EXPERTS:
        return False
    if count == 0:
        return groups == 0
    if groups > 1 and (count % groups or not 0 < groups_used < groups):
        return False
    return used > 0 and groups < count


def _sound_rotation(header: GGUFHeader) -> bool:
    """Return whether pairs of a head's values are turned, and no more than there are, also under a sliding window."""
    architecture = header.architecture
    heads = _largest(header.metadata.get(f"{architecture}.attention.head_count"))
    width = header.integer(f"{architecture}.embedding_length")
    names = ("attention.key_length", "rope.dimension_count", "attention.key_length_swa", "rope.dimension_count_swa")
    head, turned, head_swa, turned_swa = (header.integer(f"{architecture}.{name}") for name in names)
    if head is None and heads > 0 and width is not None:
        head = width // heads
    # What is not said is what llama.cpp takes instead: the whole head, and the same under a window as elsewhere.
    turned = head if turned is None else turned
    head_swa = head if head_swa is None else head_swa
    turned_swa = turned if turned_swa is None else turned_swa
    return _fits(turned, head) and _fits(turned_swa, head_swa) and _sound_sections(header, turned)


def _fits(turned: int | None, head: int | None) -> bool:
    return turned is None or (turned > 0 and turned % 2 == 0 and (head is None or turned <= head))


def _sound_sections(header: GGUFHeader, turned: int | None) -> bool:
    """Return whether the pairs that turn with time, line and column are some, and no more than are turned."""
    sections = header.numbers(f"{header.architecture}.rope.dimension_sections")
    if not sections:
        return True
    return min(sections) >= 0 and any(sections[:3]) and (turned is None or sum(sections) <= turned // 2)


def _sound_layers(header: GGUFHeader, blocks: int) -> bool:
    """Return whether layers that predict further words or share keys and values leave enough others."""
    architecture = header.architecture
    predicting, shared = (
        header.integer(f"{architecture}.{key}") or 0 for key in ("nextn_predict_layers", "attention.shared_kv_layers")
    )
    if header.integer(f"{architecture}.full_attention_interval") == 0 or not 0 <= predicting < blocks:
        return False
    if shared == 0:
        return True
    # The last two layers with keys of their own lend them: the first to layers with a window, the second to the others.
    lent = blocks - shared
    windows = header.metadata.get(f"{architecture}.attention.sliding_window_pattern")
    if not 2 <= lent < blocks or not isinstance(windows, tuple) or len(windows) < blocks:
        return False
    return all(windows[lent - 2 if window else lent - 1] == window for window in windows[lent:blocks])


def _sound_states(header: GGUFHeader) -> bool:
    """Return whether the sizes of recurrent states agree with each other; llama.cpp compares them with the weights."""
    architecture = header.architecture
    if architecture not in _DELTA_NETS:
        return True
    names = ("inner_size", "state_size", "group_count", "time_step_rank", "conv_kernel")
    sizes = [header.integer(f"{architecture}.ssm.{name}") or 0 for name in names]
    if min(sizes) < 1:
        return False
    inner, state, groups, heads, _ = sizes
    recurrent = [
        name.removesuffix("ssm_conv1d.weight") for name in header.tensors if name.endswith("ssm_conv1d.weight")
    ]
    needed = (block + name for block in recurrent for name in ("attn_qkv.weight", "attn_gate.weight"))
    return inner == state * heads and heads % groups == 0 and all(name in header.tensors for name in needed)


def _largest(value: Value | None) -> int:
    """Return a number, or the largest of one for each layer; 0 if there is none."""
    numbers = value if isinstance(value, tuple) else (value,)
    return max((number for number in numbers if isinstance(number, int)), default=0)


def _sound_vocabulary(header: GGUFHeader) -> bool:
    tokens = header.metadata.get(_VOCABULARY + "tokens")
    if header.text(_VOCABULARY + "model") in _OTHER_TOKENIZERS:
        return False
    if tokens is None:
        return True  # llama.cpp refuses it
    if not isinstance(tokens, (tuple, LongArray)) or _repeats(tokens):
        return False
    if header.kinds[_VOCABULARY + "tokens"] != ARRAY_OF + STRING:
        return False
    byte_tokens = sum(f"<0x{byte:02X}>" in tokens for byte in range(256))
    if header.text(_VOCABULARY + "model") == "llama" and byte_tokens not in (0, 256):
        return False  # a byte without a token ends the process when it is written
    for name, kinds in (("scores", (F32, I32)), ("token_type", (I32, I32 - 1))):
        values = header.metadata.get(_VOCABULARY + name)
        if values is None:
            continue
        if header.kinds[_VOCABULARY + name] - ARRAY_OF not in kinds or _length(values) != _length(tokens):
            return False  # llama.cpp would read beyond the end of the array
    return True


def _repeats(values: Value) -> bool:
    """Return whether an array has the same text twice; llama.cpp replaces empty ones."""
    if isinstance(values, LongArray):
        return values.repeats
    texts = [value for value in values if value] if isinstance(values, tuple) else []
    return len(set(texts)) < len(texts)


def _length(values: Value) -> int:
    """Return how many elements an array has, -1 for another value."""
    if isinstance(values, LongArray):
        return values.length
    return len(values) if isinstance(values, tuple) else -1
