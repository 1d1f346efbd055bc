"""Splits a GGUF file into several, as llama-gguf-split does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import gguf


def split_gguf(path: Path, folder: Path, stem: str = "", tensors: int = 8) -> list[Path]:
    """Write `path` as files of at most `tensors` tensors into a folder and return them: STEM-00001-of-0000n.gguf."""
    folder.mkdir(parents=True, exist_ok=True)
    whole, stem = gguf.GGUFReader(str(path)), stem or path.stem
    architecture = whole.fields["general.architecture"].contents()
    with closing(gguf.GGUFWriter(str(folder / f"{stem}.gguf"), architecture, split_max_tensors=tensors)) as writer:
        for field in whole.fields.values():
            if field.name != "general.architecture" and not field.name.startswith("GGUF."):
                kind = field.types[0]
                inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
                writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)
        for tensor in whole.tensors:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    return sorted(folder.glob(f"{stem}-*-of-*.gguf"))
