"""Tells from its header whether a GGUF file is a language model, a projector or something else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from model_store.errors import StoreError
from model_store.gguf_header import DamagedGGUFError, GGUFHeader, NotGGUFError, read_header
from model_store.jobs import Role
from model_store.projector_kinds import kind_of as projector_kind
from model_store.titles import PART, quantisation_of, title_of

GGUF_FILES = "*.[gG][gG][uU][fF]"  # names of such files, for `Path.glob`
# What models that look at pictures are called. A header says nothing of it: LLaVA's is that of a plain Llama.
_SEEING = re.compile(r"(?i)llava|moondream|minicpm-?(v|o)|smolvlm|internvl|(?<![a-z])vlm?(?![a-z])|vision|pixtral")
_SEEING_ARCHITECTURES = {"qwen2vl", "qwen3vl", "qwen3vlmoe", "mllama", "cogvlm", "chameleon"}


@dataclass(frozen=True)
class GGUFKind:
    """A GGUF file that can be part of a model."""

    path: Path
    name: str  # what people call the file; of an Ollama blob it is another than the path's
    header: GGUFHeader
    role: Role
    size: int  # bytes
    member: str = ""  # the file inside of `path` where that is a llamafile

    @property
    def width(self) -> int | None:
        """Values per token that a model reads or a projector makes; None where that is not known."""
        if self.role is Role.MODEL:
            return self.header.integer(f"{self.header.architecture}.embedding_length")
        return _made_width(self.header)

    @property
    def wants_projector(self) -> bool:
        """Whether it was made to look at pictures."""
        said = " ".join((self.name, self.header.text("general.name"), self.header.text("general.basename")))
        return self.header.architecture in _SEEING_ARCHITECTURES or _SEEING.search(said) is not None

    @property
    def quantisation(self) -> str:
        """How the numbers are stored, as the name says or else the header; "" where neither does."""
        return quantisation_of(self.name, self.header)

    @property
    def title(self) -> str:
        """What people may call the model."""
        return title_of(self.path, self.name, self.header)

    @property
    def parts(self) -> int:
        """How many files the model is split into; 1 for a whole one."""
        count = self.header.integer("split.count") or 0
        match = PART.search(self.name[:-5])
        return max(count, int(match[2]) if match else 1, 1)


def look_at(path: Path, name: str = "") -> GGUFKind:
    """Read a file's header and say what it is; `name` is what people call it, if not as the file.

    Raises StoreError: file-missing, file-unreadable, not-a-model, weights-damaged, other-weights, vision-inside.
    """
    name = name or path.name
    try:
        size, header = path.stat().st_size, read_header(path)
    except FileNotFoundError as error:
        raise StoreError("file-missing", name=name) from error
    except OSError as error:
        raise StoreError("file-unreadable", name=name) from error
    except NotGGUFError as error:
        raise StoreError("not-a-model", name=name) from error
    except DamagedGGUFError as error:
        raise StoreError("weights-damaged", name=name) from error
    return kind_of(path, name, header, size)


def kind_of(path: Path, name: str, header: GGUFHeader, size: int, member: str = "") -> GGUFKind:
    """Say what a file with this header is. Raises StoreError: other-weights, vision-inside."""
    if header.architecture == "clip" and header.metadata.get("clip.has_vision_encoder") is True:
        return GGUFKind(path, name, header, Role.PROJECTOR, size, member)
    speaks = header.integer(f"{header.architecture}.embedding_length") and header.text("tokenizer.ggml.model")
    part = header.integer("split.no")  # only the first of several describes the model
    if (not speaks and not part) or header.text("general.type") in ("adapter", "imatrix") or not header.tensors:
        raise StoreError("other-weights", name=name)
    if any(tensor.startswith(("v.", "mm.")) for tensor in header.tensors):
        raise StoreError("vision-inside", name=name)
    return GGUFKind(path, name, header, Role.MODEL, size, member)


def _made_width(header: GGUFHeader) -> int | None:
    """Return how many values a projector makes of each part of a picture.

    The tensor that makes them is another for each kind (tools/mtmd/clip.cpp of llama.cpp: clip_n_mmproj_embd).
    """
    kind = projector_kind(header)
    name, dimension = {
        "mlp": ("mm.2.weight", 1),
        "resampler": ("resampler.proj.weight", 0),
        "qwen2vl_merger": ("mm.2.weight", 1),
        "qwen2.5vl_merger": ("mm.2.weight", 1),
        "gemma3": ("mm.input_projection.weight", 0),
        "idefics3": ("mm.model.fc.weight", 1),
        "internvl": ("mm.model.mlp.3.weight", 1),
    }.get(kind, ("", 0))
    if kind == "mlp" and "mm.3.weight" in header.tensors:  # with norms between the matrices
        name = "mm.3.weight"
    if kind == "mlp" and name not in header.tensors:  # LLaVA-1.0 has one matrix
        name = "mm.0.weight"
    tensor = header.tensors.get(name)
    return tensor.shape[dimension] if tensor is not None and len(tensor.shape) == 2 else None
