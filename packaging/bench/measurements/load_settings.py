"""Settings with which llama.cpp loads a model and computes, as plain values for a measurement process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """One way of many; the same for every party that is compared."""

    mapped: bool = True  # the file's pages themselves, rather than a copy
    repacked: bool = False  # weights repacked for this processor
    flash: bool = False  # flash attention
    short_cells: bool = False  # a KV cache of q8_0 rather than f16
    batch: int = 256  # tokens evaluated in one go
    threads: int = 1  # for writing
    reading_threads: int = 0  # 0: the same

    @property
    def name(self) -> str:
        """Return a short name for tables; the numbers of threads are no part of it."""
        words = (
            "mapped" if self.mapped else "copied",
            "repacked" * self.repacked,
            "flash" * self.flash,
            "q8_0" * self.short_cells,
            f"batch {self.batch}",
        )
        return ", ".join(word for word in words if word)
