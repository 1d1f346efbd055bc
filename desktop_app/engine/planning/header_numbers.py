"""Reads numbers of one part of a model from a GGUF header."""

from __future__ import annotations

from model_store.gguf_header import GGUFHeader


class HeaderNumbers:
    """Reads numbers whose keys begin with `prefix`."""

    def __init__(self, header: GGUFHeader, prefix: str) -> None:
        self._header = header
        self._prefix = prefix

    def number(self, name: str) -> int:
        """Return a number, 0 when it is absent."""
        return self._header.integer(f"{self._prefix}.{name}") or 0

    def per_layer(self, name: str, layers: int, usual: int) -> tuple[int, ...]:
        """Return a number for each layer; a header may give one number for all layers."""
        several = self._header.numbers(f"{self._prefix}.{name}")
        return tuple(int(number) for number in several) or (self.number(name) or usual,) * layers
