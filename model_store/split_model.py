"""Language models in several files, NAME-00001-of-00003.gguf and so on, as llama-gguf-split writes them.

The first file describes the model, and each holds some of its tensors. llama.cpp is given the first one and finds the
others beside it by their names, so these must stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from model_store.gguf_header import GGUFHeader, TensorInfo

_NAME = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL)  # llama.cpp takes no capitals either
#: Weights that every architecture applies to the values of a token: their rows are as long as the model is wide.
_WIDE = re.compile(r"(^|\.)((attn|ffn|output)_norm|attn_(q|k|v|qkv)|ffn_(gate|up))\.weight$")
_MOST = 1000  # files of a model: names from elsewhere may claim more


@dataclass(frozen=True)
class PartName:
    """What the name of one of several files says."""

    stem: str  # what all names have in common
    number: int  # from 1
    count: int  # at least 2

    @property
    def all_names(self) -> tuple[str, ...]:
        """The names of all files, in order."""
        return tuple(f"{self.stem}-{number:05}-of-{self.count:05}.gguf" for number in range(1, self.count + 1))


class WrongPartError(ValueError):
    """A file is not what its name says. `code` and `parameters` are those of an error with a sentence.

    model-part-renamed: name, number, count; model-parts-differ: name, count.
    """

    def __init__(self, code: str, **parameters: str | int) -> None:
        super().__init__(code, parameters)
        self.code = code
        self.parameters = parameters


def part_name(name: str) -> PartName | None:
    """Return what a file's name says of it as one of several, None for any other name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    number, count = int(match[2]), int(match[3])
    return PartName(match[1], number, count) if 1 <= number <= count and 2 <= count <= _MOST else None


def read_whole(name: str, read: Callable[[str], GGUFHeader]) -> tuple[tuple[str, ...], GGUFHeader]:
    """Return the names of all files of the model of which `name` is a file, in order, and the header of the whole.

    That is the first file's, with the tensors of all. `read` returns the header of the file with a name, and raises
    what is to be raised where it is missing or damaged. Raises `WrongPartError`.
    """
    header = read(name)
    if _count(header) == 1:
        return (name,), header
    part = _part(name, header)
    headers = [header if other == name else read(other) for other in part.all_names]
    for other, one in zip(part.all_names, headers, strict=True):
        if _count(one) == 1:
            raise _differ(part)
        _part(other, one)
    first, tensors = headers[0], _joined(headers)
    if len(tensors) != first.integer("split.tensors.count") or not _has_one_width(first, tensors):
        raise _differ(part)
    return part.all_names, replace(first, tensors=tensors, file_size=sum(one.file_size for one in headers))


def _count(header: GGUFHeader) -> int:
    return header.integer("split.count") or 1


def _part(name: str, header: GGUFHeader) -> PartName:
    """Return what a file's name says, which must be what its header says."""
    number, count = (header.integer("split.no") or 0) + 1, _count(header)
    part = part_name(name)
    if part is None or (part.number, part.count) != (number, count):
        raise WrongPartError("model-part-renamed", name=name, number=number, count=count)
    return part


def _joined(headers: list[GGUFHeader]) -> dict[str, TensorInfo]:
    """Return the tensors of all files. One that is in two of them is missing from the count."""
    return {name: tensor for header in headers for name, tensor in header.tensors.items()}


def _has_one_width(first: GGUFHeader, tensors: dict[str, TensorInfo]) -> bool:
    """Return whether all layers are as wide as the first file says: those of a larger model are not."""
    width = first.integer(f"{first.architecture}.embedding_length")
    return all(tensor.shape[0] == width for name, tensor in tensors.items() if _WIDE.search(name))


def _differ(part: PartName) -> WrongPartError:
    return WrongPartError("model-parts-differ", name=part.stem, count=part.count)
