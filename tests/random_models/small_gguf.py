"""Valid GGUF files of any size: a small header and one tensor of noise."""

import random
import struct


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def gguf(size: int, seed: int, architecture: str = "llama") -> bytes:
    """A file of about `size` bytes; the same seed gives the same bytes."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1)
    head += _text("general.architecture") + struct.pack("<I", 8) + _text(architecture)
    elements = max(32, size - 256)
    head += _text("noise") + struct.pack("<IQIQ", 1, elements, 24, 0)  # I8
    head += bytes(-len(head) % 32)
    return head + random.Random(seed).randbytes(elements)
