"""How large keys and values of a decoder are: not all of its layers have some of their own.

Recurrent layers have none. The last layers of Gemma 4 use those of earlier ones, and its layers with a sliding window
have heads of another size.
"""

from __future__ import annotations

from dataclasses import dataclass

from desktop_app.engine.planning.header_numbers import HeaderNumbers
from desktop_app.engine.planning.recurrent_state import RecurrentState
from model_store.gguf_header import GGUFHeader


@dataclass(frozen=True)
class AttentionLayers:
    """Counts of values."""

    heads: int  # in the widest layer
    head_sizes: tuple[int, ...]  # of keys and values
    query_width: int  # of all heads in the widest layer, with what they are multiplied with in the end, if they are
    output_width: int
    key_value_width: int  # of keys (or values) in the widest layer
    cache_per_token: int  # keys and values of all layers, for one token of the KV cache
    padding_per_token: int  # more, if values are kept across: then those of all layers are as wide as the widest
    masks: int  # one for all layers, and one for those with a sliding window

    @classmethod
    def of(cls, header: GGUFHeader, layers: int) -> AttentionLayers:
        """Return those of a decoder with so many layers."""
        numbers = HeaderNumbers(header, header.architecture)
        heads = max(numbers.per_layer("attention.head_count", layers, 1), default=1)
        kv_heads = numbers.per_layer("attention.head_count_kv", layers, heads)
        width = numbers.number("embedding_length")
        key = numbers.number("attention.key_length") or width // max(1, heads)
        value = numbers.number("attention.value_length") or key
        short_key = numbers.number("attention.key_length_swa") or key
        short_value = numbers.number("attention.value_length_swa") or value
        windows = header.numbers(f"{header.architecture}.attention.sliding_window_pattern")
        own = layers - numbers.number("attention.shared_kv_layers")
        recurrent = RecurrentState.of(header).layers
        cached = [
            (count * short_key, count * short_value)
            if index < len(windows) and windows[index]
            else (count * key, count * value)
            for index, count in enumerate(kv_heads[:own])
            if index not in recurrent
        ]
        keys, values = ([both[which] for both in cached] for which in (0, 1))
        queries = [tensor.shape[-1] for name, tensor in header.tensors.items() if name.endswith(".attn_q.weight")]
        return cls(
            heads=heads,
            head_sizes=tuple({key, value, short_key, short_value}),
            query_width=max(queries, default=heads * key),
            output_width=heads * value,
            key_value_width=max((*keys, *values), default=0),
            cache_per_token=sum(keys) + sum(values),
            padding_per_token=sum(max(values) - one for one in values if one),
            masks=2 if numbers.number("attention.sliding_window") else 1,
        )
