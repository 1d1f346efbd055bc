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
    names = ("attention.key_length", "rope.dimension_count", "attention.key_length_swa", "rope.dimension_count_swa")
    head, turned, head_swa, turned_swa = (header.integer(f"{header.architecture}.{name}") for name in names)
    if turned_swa is None:
        turned_swa = head if turned is None else turned
    return _fits(turned, head) and (head_swa is None or (turned_swa != 0 and _fits(turned_swa, head_swa)))


def _fits(turned: int | None, head: int | None) -> bool:
    return turned is None or (turned % 2 == 0 and (head is None or turned <= head))


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
