"""Tells from their headers whether GGUF files are a language model, a projector or something else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from model_store.errors import StoreError
from model_store.foreign_files import exists, is_missing
from model_store.gguf_header import DamagedGGUFError, GGUFHeader, NotGGUFError, read_header
from model_store.jobs import Role
from model_store.projector_kinds import kind_of as projector_kind
from model_store.split_model import WrongPartError, part_name, read_whole
from model_store.titles import quantisation_of, title_of

GGUF_FILES = "*.[gG][gG][uU][fF]"  # names of such files, for `Path.glob`
# What models that look at pictures are called. A header says nothing of it: LLaVA's is that of a plain Llama.
_SEEING = re.compile(r"(?i)llava|moondream|minicpm-?(v|o)|smolvlm|internvl|(?<![a-z])vlm?(?![a-z])|vision|pixtral")
_MOST_NAMED = 5  # missing files
_SEEING_ARCHITECTURES = {"qwen2vl", "qwen3vl", "qwen3vlmoe", "mllama", "cogvlm", "chameleon"}


@dataclass(frozen=True)
class GGUFFile:
    """A file of weights."""

    path: Path
    name: str  # what people call it; of an Ollama blob it is another than the path's
    size: int  # bytes
    member: str = ""  # the file inside of `path` where that is a llamafile


@dataclass(frozen=True)
class GGUFKind:
    """A language model or a projector: one GGUF file, or the several of a split model."""

    files: tuple[GGUFFile, ...]  # in order
    header: GGUFHeader  # with the tensors of all files
    role: Role

    @property
    def path(self) -> Path:
        """The first file, which describes it."""
        return self.files[0].path

    @property
    def name(self) -> str:
        """What people call the first file."""
        return self.files[0].name

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

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


def look_at(path: Path, name: str = "") -> GGUFKind:
    """Read a file's header and say what it is; of a split model those of all its files, whichever `path` is.

    `name` is what people call it, if not as the file. Raises StoreError: file-missing, file-unreadable, not-a-model,
    weights-damaged, model-part-missing, model-part-renamed, model-parts-differ, other-weights, vision-inside.
    """
    folder = path.parent
    files: dict[str, GGUFFile] = {}

    def read(own: str) -> GGUFHeader:
        shown = name if name and own == path.name else own
        try:
            header = read_header(folder / own)
        except OSError as error:
            if not is_missing(error):
                raise StoreError("file-unreadable", name=shown) from error
            raise StoreError("file-missing", name=shown) if own == path.name else _lacking(folder, own) from error
        except NotGGUFError as error:
            raise StoreError("not-a-model", name=shown) from error
        except DamagedGGUFError as error:
            raise StoreError("weights-damaged", name=shown) from error
        files[own] = GGUFFile(folder / own, own, header.file_size)
        return header

    names, header = read_parts(path.name, read)
    if len(names) == 1 and name:  # those of several files tell their order
        files[path.name] = replace(files[path.name], name=name)
    return kind_of(tuple(files[own] for own in names), header)


def read_parts(name: str, read: Callable[[str], GGUFHeader]) -> tuple[tuple[str, ...], GGUFHeader]:
    """Do as `read_whole`, but raise StoreError: model-part-renamed, model-parts-differ."""
    try:
        return read_whole(name, read)
    except WrongPartError as error:
        raise StoreError(error.code, **error.parameters) from error


def kind_of(files: tuple[GGUFFile, ...], header: GGUFHeader) -> GGUFKind:
    """Say what files with this header are. Raises StoreError: other-weights, vision-inside."""
    if header.architecture == "clip" and header.metadata.get("clip.has_vision_encoder") is True:
        return GGUFKind(files, header, Role.PROJECTOR)
    speaks = header.integer(f"{header.architecture}.embedding_length") and header.text("tokenizer.ggml.model")
    if not speaks or header.text("general.type") in ("adapter", "imatrix") or not header.tensors:
        raise StoreError("other-weights", name=files[0].name)
    if any(tensor.startswith(("v.", "mm.")) for tensor in header.tensors):
        raise StoreError("vision-inside", name=files[0].name)
    return GGUFKind(files, header, Role.MODEL)


def _lacking(folder: Path, name: str) -> StoreError:
    """Return what says which files of a split model are missing; `name` is one of them."""
    part = part_name(name)
    assert part is not None
    missing = [one for one in part.all_names if not exists(folder / one)]
    shown = ", ".join(missing[:_MOST_NAMED]) + "…" * (len(missing) > _MOST_NAMED)
    return StoreError("model-part-missing", name=part.stem, count=part.count, missing=shown)


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
