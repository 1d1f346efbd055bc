"""Models and projectors with one or a few wrong values in their headers, and what the engine makes of them.

`python -m tests.engine.weights.mutations` asks the engine a question with 1,500 mutations each of the built-in model
and of its projector. It may refuse them, or answer; few may end it, and each time a sentence names the model.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from desktop_app.engine.client import EngineBug, EngineClient, EngineDied
from desktop_app.engine.messages import Ask, EngineSettings, Finished, Sampling, Turn
from desktop_app.errors import UserError
from desktop_app.paths import demo_model
from model_store.gguf_header import TENSOR_TYPES
from tests.engine.questions import draw

COUNT = 1500
MOST_DEATHS = 0.002  # of the mutations
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY, _F32, _U32 = 8, 9, 6, 4
_INTEGERS = (0, 1, 2, 3, 5, 31, 33, 255, 512, 513, 4096, 65_536, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_FLOATS = (float("nan"), float("inf"), float("-inf"), -1.0, -1e-6, 0.0, 1e-45, 1.0, 1e30)
_TEXTS = (
    *("", "none", "no_vocab", "bert", "gpt2", "llama", "t5", "rwkv", "plamo2", "default", "llama-bpe", "qwen2", "mlp"),
    *("gemma3", "resampler", "ldp", "qwen2.5vl_merger", "clip", "falcon", "mamba", "phi3", "ä" * 200, "x" * 5000),
)
_ADDED = {
    **{f"llama.{key}": _U32 for key in ("expert_count", "expert_used_count", "attention.key_length", "vocab_size")},
    **{f"llama.{key}": _U32 for key in ("attention.value_length", "attention.sliding_window", "pooling_type")},
    **{f"llama.rope.scaling.{key}": _F32 for key in ("factor", "attn_factor")},
    "llama.attention.clamp_kqv": _F32,
    "llama.rope.scaling.original_context_length": _U32,
    "general.alignment": _U32,
    "split.count": 2,
    "clip.has_audio_encoder": 7,
    "clip.vision.projector.scale_factor": _U32,
    "clip.vision.spatial_merge_size": _U32,
    "tokenizer.ggml.eot_token_id": _U32,
    "tokenizer.ggml.token_type_count": _U32,
}


class Tensor(NamedTuple):
    """The description of a tensor."""

    name: bytes
    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass
class File:
    """A GGUF file in parts that can be changed one by one."""

    keys: dict[bytes, tuple[int, bytes]]  # key: type and raw value
    tensors: list[Tensor]
    weights: bytes

    def raw(self) -> bytes:
        """Return the file."""
        head = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.keys))
        for key, (kind, value) in self.keys.items():
            head += _text(key) + struct.pack("<I", kind) + value
        for name, shape, kind, offset in self.tensors:
            head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        return head + bytes(-len(head) % 32) + self.weights

    def copy(self) -> File:
        """Return one that can be changed without changing this one."""
        return File(dict(self.keys), list(self.tensors), self.weights)


def _text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def parse(raw: bytes) -> File:
    """Take a sound file apart."""
    n_tensors, n_keys = struct.unpack_from("<QQ", raw, 8)
    at = 24

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return raw[at - size : at]

    def text() -> bytes:
        return take(*struct.unpack("<Q", take(8)))

    keys, tensors = {}, []
    for _ in range(n_keys):
        key, (kind,) = text(), struct.unpack("<I", take(4))
        start = at
        if kind == _STRING:
            text()
        elif kind == _ARRAY:
            element, length = struct.unpack("<IQ", take(12))
            for _ in range(length):
                text() if element == _STRING else take(_SIZES[element])
        else:
            take(_SIZES[kind])
        keys[key] = (kind, raw[start:at])
    for _ in range(n_tensors):
        name, (dimensions,) = text(), struct.unpack("<I", take(4))
        tensors.append(
            Tensor(name, struct.unpack(f"<{dimensions}Q", take(8 * dimensions)), *struct.unpack("<IQ", take(12)))
        )
    return File(keys, tensors, raw[(at + 31) // 32 * 32 :])


def _value(kind: int, chance: random.Random) -> bytes:
    """Return an unkind value of a type."""
    if kind in (_F32, 12):
        return struct.pack("<f" if kind == _F32 else "<d", chance.choice(_FLOATS))
    if kind == _STRING:
        return _text(chance.choice(_TEXTS).encode())
    number = chance.choice((*_INTEGERS, chance.getrandbits(32)))
    return (number % (1 << 8 * _SIZES[kind])).to_bytes(_SIZES[kind], "little")


def _change_value(file: File, chance: random.Random) -> str:
    key = chance.choice(list(file.keys))
    kind, value = file.keys[key]
    if kind != _ARRAY:
        file.keys[key] = (kind, _value(kind, chance))
    elif value[:4] == struct.pack("<I", _STRING):
        return _repeat_token(file, key, chance)
    else:
        element, length = struct.unpack_from("<IQ", value)
        at = 12 + chance.randrange(max(1, length)) * _SIZES[element]
        file.keys[key] = (kind, value[:at] + _value(element, chance) + value[at + _SIZES[element] :])
    return f"value of {key.decode()}: {file.keys[key][1][:24]!r}"


def _repeat_token(file: File, key: bytes, chance: random.Random) -> str:
    """Let one token of the vocabulary be the same as another, or empty, or let the last ones be missing."""
    kind, value = file.keys[key]
    (length,) = struct.unpack_from("<Q", value, 4)
    tokens, at = [], 12
    for _ in range(length):
        (size,) = struct.unpack_from("<Q", value, at)
        tokens.append(value[at + 8 : at + 8 + size])
        at += 8 + size
    how = chance.choice(("same", "empty", "fewer", "odd"))
    index = chance.randrange(length)
    if how == "same":
        tokens[index] = chance.choice(tokens)
    elif how == "fewer":
        del tokens[index:]
    else:
        tokens[index] = b"" if how == "empty" else chance.randbytes(3)
    file.keys[key] = (kind, struct.pack("<IQ", _STRING, len(tokens)) + b"".join(map(_text, tokens)))
    return f"{how} token {index}"


def _change_type(file: File, chance: random.Random) -> str:
    key = chance.choice(list(file.keys))
    kind = chance.choice([*_SIZES, _STRING])
    file.keys[key] = (kind, _value(kind, chance))
    return f"type of {key.decode()}: {kind}, {file.keys[key][1][:24]!r}"


def _drop_key(file: File, chance: random.Random) -> str:
    key = chance.choice(list(file.keys))
    del file.keys[key]
    return f"no {key.decode()}"


def _add_key(file: File, chance: random.Random) -> str:
    key, kind = chance.choice(list(_ADDED.items()))
    file.keys[key.encode()] = (kind, _value(kind, chance))
    return f"new {key}: {file.keys[key.encode()][1]!r}"


def _change_tensor(file: File, chance: random.Random) -> str:
    index = chance.randrange(len(file.tensors))
    tensor = file.tensors[index]
    how = chance.choice(("kind", "kind", "shape", "order", "name", "offset", "gone", "dimensions"))
    if how == "gone":
        del file.tensors[index]
    elif how == "kind":
        file.tensors[index] = tensor._replace(kind=chance.choice(list(TENSOR_TYPES)))
    elif how == "shape":
        shape = list(tensor.shape)
        place = chance.randrange(len(shape))
        shape[place] = max(1, chance.choice((shape[place] // 2, shape[place] - 1, shape[place] + 1, 1, 32)))
        file.tensors[index] = tensor._replace(shape=tuple(shape))
    elif how == "order":
        file.tensors[index] = tensor._replace(shape=tensor.shape[::-1])
    elif how == "dimensions":
        file.tensors[index] = tensor._replace(shape=chance.choice(((*tensor.shape, 1), tensor.shape[:1])))
    elif how == "name":
        name = bytearray(tensor.name)
        name[chance.randrange(len(name))] = chance.choice(b"abcdefgh0123456789.")
        file.tensors[index] = tensor._replace(name=bytes(name))
    else:
        file.tensors[index] = tensor._replace(offset=chance.choice((0, 32, tensor.offset + 32, tensor.offset + 1)))
    return f"{how} of {tensor.name.decode()}: {file.tensors[index] if index < len(file.tensors) else ''}"


def _mutate(file: File, chance: random.Random) -> tuple[bytes, str]:
    """Return a file with one to three faults, and which they are."""
    if chance.random() < 0.2:
        raw = bytearray(file.raw())
        places = [chance.randrange(len(raw) - len(file.weights)) for _ in range(chance.randint(1, 3))]
        for place in places:
            raw[place] = chance.randrange(256)
        return bytes(raw), f"bytes {places}"
    changed, faults = file.copy(), []
    kinds: tuple[Callable[[File, random.Random], str], ...]
    kinds = (_change_value, _change_value, _change_type, _drop_key, _add_key, _change_tensor)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        faults.append(chance.choice(kinds)(changed, chance))
    return changed.raw(), "; ".join(faults)


def mutations(raw: bytes, seed: int | str, count: int) -> Iterator[tuple[bytes, str]]:
    """Yield `count` mutations of a file, and what is wrong with each."""
    chance = random.Random(seed)
    file = parse(raw)
    for _ in range(count):
        yield _mutate(file, chance)


@dataclass
class Outcome:
    """What became of some mutations."""

    ends: Counter[str] = field(default_factory=Counter)
    deaths: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    slowest: float = 0.0


def try_all(part: str, seed: int | str, count: int, folder: Path) -> Outcome:
    """Load mutations of the `part` ("model" or "projector"), and ask about a picture."""
    model, mmproj = demo_model()
    outcome = Outcome()
    chosen = folder / f"mutated-{part}.gguf"
    pair = (chosen, mmproj) if part == "model" else (model, chosen)
    star = draw(folder / "star.png", "red")
    settings = EngineSettings(threads=1)
    sound = (model if part == "model" else mmproj).read_bytes()
    with EngineClient() as client:
        for number, (raw, what) in enumerate(mutations(sound, seed, count)):
            chosen.write_bytes(raw)
            began = time.monotonic()
            said = ""
            try:
                info = client.load(*pair, settings)
                turn = Turn("What is this?", (star,) if info.image_tokens else ())
                ask = Ask(client.next_request(), (turn,), Sampling(temperature=0, max_tokens=3))
                assert any(isinstance(event, Finished) for event in client.request(ask))
                end = "answered"
            except EngineDied as error:
                end, said = f"died with {error.exit_code}", str(error)
                outcome.deaths.append(f"{part} {number} of seed {seed}: {what}")
                client.restart()
            except UserError as error:
                end, said = error.code, str(error)
            except EngineBug as error:
                end = "bug"
                outcome.complaints.append(f"{part} {number} of seed {seed}: {what}: {error}")
            if said and not (model.stem in said or chosen.stem in said):
                outcome.complaints.append(f"{part} {number} of seed {seed}: {what}: “{said}” names no file")
            outcome.ends[end] += 1
            outcome.slowest = max(outcome.slowest, time.monotonic() - began)
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Try both parts; 1 when the engine dies too often, or without a sentence that names the model."""
    parser = argparse.ArgumentParser(prog="make test-faults ARGS=--models", description=__doc__)
    parser.add_argument("--models", action="store_true", help="these mutations alone")
    parser.add_argument("--count", type=int, default=COUNT, help="mutations of each file")
    parser.add_argument("--seed", default=str(random.SystemRandom().getrandbits(32)))
    chosen = parser.parse_args(arguments)
    wrong = False
    with tempfile.TemporaryDirectory(prefix="eyebright-mutations-") as temporary, ThreadPoolExecutor(2) as pool:
        parts = ("model", "projector")
        for part, outcome in zip(
            parts, pool.map(lambda part: try_all(part, chosen.seed, chosen.count, Path(temporary)), parts), strict=True
        ):
            print(f"{chosen.count} mutations of the {part}, seed {chosen.seed}, at most {outcome.slowest:.1f} s each:")
            for end, count in outcome.ends.most_common():
                print(f"  {count:5} {end}")
            for text in (*outcome.deaths, *outcome.complaints):
                print(f"  {text}")
            wrong |= bool(outcome.complaints) or len(outcome.deaths) > MOST_DEATHS * chosen.count
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
