"""Finds all files of a language model that was split (NAME-00001-of-00003.gguf), as llama.cpp does on loading."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from desktop_app.errors import UserError
from model_store.gguf_header import GGUFHeader

_PART = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf$)")


def first_part(path: Path) -> Path:
    """Return the first file of a split model, which describes it, if `path` is another one of its files."""
    first = path.with_name(_PART.sub(r"-00001-of-\2", path.name))
    return first if first.exists() else path


def join_headers(path: Path, header: GGUFHeader, read: Callable[[Path], GGUFHeader]) -> GGUFHeader:
    """Return the header of a model with the tensors of all its files; `path` and `header` are the first of them.

    `read` reads the others, and raises what is to be raised for one that is missing or damaged. Raises `UserError`
    (model-part-renamed) if the others cannot be found by the name of the first.
    """
    count = header.integer("split.count") or 1
    if count > 1 and not _PART.search(path.name):
        raise UserError("model-part-renamed", name=path.name, count=count)
    tensors, size = dict(header.tensors), header.file_size
    for number in range(2, count + 1):
        part = read(path.with_name(_PART.sub(f"-{number:05}-of-{count:05}", path.name)))
        tensors |= part.tensors
        size += part.file_size
    return replace(header, tensors=tensors, file_size=size)
