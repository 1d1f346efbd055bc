"""Gives a model of transformers the weights of a GGUF, and proves by llama.cpp's own converter that they are the same.

Where each value of a GGUF belongs is found out by converting a model whose values are numbers in order: the converter
may rename, divide, join and turn tensors as it likes, and add 1, as it does to norms. What else it computes has to be
given (`computed`). In the end the model with the weights is converted: it must be the GGUF again, tensor
for tensor and key for key.

The converter is llama.cpp's package `conversion`, with the `gguf` beside it: the sdist of llama-cpp-python has both
under vendor/llama.cpp. Only the vocabulary is not written by it: it tells pre-tokenisers by what real tokenizers make
of a text.

    export HF_HUB_OFFLINE=1 PYTHONPATH=packaging:.:LLAMA_CPP/gguf-py:LLAMA_CPP
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

Weights = dict[str, np.ndarray[Any, np.dtype[np.float32]]]
_STEP = 4  # between two of the numbers: what the converter adds is told by the rest
_MOST = 1 << 24  # numbers that float32 tells apart
_TEXT_KEYS = ("general.", "tokenizer.", "GGUF.")  # that are not compared


@dataclass(frozen=True)
class Files:
    """The GGUF files of a model, and what the converter needs besides."""

    model: Path
    mmproj: Path
    text_architecture: str = ""  # the class of the language model, where its name is not the whole model's
    rename: Callable[[str], str] = lambda name: name  # tensors that are called otherwise on the Hub
    #: The end of a parameter's name -> how its values follow from those of the GGUF, which are negative.
    computed: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    constant: frozenset[str] = frozenset()  # tensors that the converter makes of the configuration alone
    #: Keys that the converter does not write, or writes otherwise although it makes no difference.
    other_keys: frozenset[str] = frozenset()


def tensors_of(path: Path) -> Weights:
    """Return the tensors of a GGUF by name."""
    import gguf

    return {t.name: np.asarray(t.data, np.float32).reshape(t.shape[::-1]) for t in gguf.GGUFReader(str(path)).tensors}


def tokenizer_of(path: Path, **named: str) -> Any:
    """Return the byte-pair tokenizer that a GGUF of the tests holds; `named`: tokens that the processor asks for."""
    import gguf
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    fields = gguf.GGUFReader(str(path)).fields
    tokens, merges, kinds = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "merges", "token_type"))
    ends = {
        f"{name}_token": tokens[fields[f"tokenizer.ggml.{key}_token_id"].contents()]
        for name, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))
        if f"tokenizer.ggml.{key}_token_id" in fields
    }
    vocabulary = {token: number for number, token in enumerate(tokens)}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(merge.split(" ")) for merge in merges]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    specials = [token for token, kind in zip(tokens, kinds, strict=True) if kind != gguf.TokenType.NORMAL]
    core.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    return PreTrainedTokenizerFast(
        tokenizer_object=core, extra_special_tokens=named, clean_up_tokenization_spaces=False, **ends
    )


def give_weights(model: Any, processor: Any, files: Files) -> None:
    """Give `model` the weights of the files, and prove that it has them."""
    wanted = {path: tensors_of(path) for path in (files.model, files.mmproj)}
    parameters = _parameters(model, tuple(files.computed))
    starts = np.cumsum([1, *(value.numel() for _, value in parameters)])
    if starts[-1] * _STEP >= _MOST:
        raise ValueError("the model has too many values to tell them apart")

    def set_all(whole: Any) -> None:
        for start, (name, value) in zip(starts, parameters, strict=False):
            compute = next((found for end, found in files.computed.items() if name.endswith(end)), None)
            values = whole[start : start + value.numel()]
            if not np.isfinite(values).all():
                raise ValueError(f"no values for {name}")
            values = values if compute is None else compute(-np.abs(values))
            value.copy_(torch.tensor(np.asarray(values, np.float32)).reshape(value.shape))

    set_all(np.arange(starts[-1], dtype=np.float64) * _STEP)
    whole = np.full(starts[-1], np.nan)
    for path, converted in _converted(model, processor, files).items():
        for name, numbers in converted.items():
            if name in files.constant:
                continue
            places, added = np.divmod(np.abs(np.rint(numbers.ravel().astype(np.float64))), _STEP)
            if name not in wanted[path] or not np.isin(added, (0, 1)).all():
                raise ValueError(f"{path.name}: {name} is another tensor, or a computed one")
            whole[places.astype(np.int64)] = wanted[path][name].ravel() - added
    set_all(whole)
    model.tie_weights()
    model.eval()
    _prove(model, processor, files, wanted)


def _parameters(model: Any, first: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Return the values of a model that are numbers, each once; those whose names end in one of `first` come first."""
    found: dict[int, tuple[str, Any]] = {}
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            found.setdefault(value.data_ptr(), (name, value))
    # What is computed from small numbers comes out exact.
    return sorted(found.values(), key=lambda named: not named[0].endswith(first) if first else True)


def _converted(model: Any, processor: Any, files: Files) -> dict[Path, Weights]:
    with tempfile.TemporaryDirectory() as folder:
        made = _convert(model, processor, files, Path(folder))
        return {path: tensors_of(there) for path, there in made.items()}


def _prove(model: Any, processor: Any, files: Files, wanted: dict[Path, Weights]) -> None:
    """Raise an error unless the model becomes the files again."""
    import gguf

    with tempfile.TemporaryDirectory() as folder:
        for path, there in _convert(model, processor, files, Path(folder)).items():
            theirs, ours = tensors_of(there), wanted[path]
            if theirs.keys() != ours.keys():
                raise ValueError(f"{path.name}: other tensors: {sorted(theirs.keys() ^ ours.keys())}")
            for name, value in ours.items():
                if theirs[name].shape != value.shape or not np.allclose(theirs[name], value, rtol=1e-6, atol=1e-7):
                    raise ValueError(f"{path.name}: {name} is not the same")
            keys = [
                {
                    key: value.contents()
                    for key, value in gguf.GGUFReader(str(file)).fields.items()
                    if not key.startswith(_TEXT_KEYS) and key not in files.other_keys
                }
                for file in (there, path)
            ]
            if not _same(*keys):
                different = {key for key in {**keys[0], **keys[1]} if keys[0].get(key) != keys[1].get(key)}
                raise ValueError(f"{path.name}: {[(key, *(part.get(key) for part in keys)) for key in different]}")


def _same(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    return theirs.keys() == ours.keys() and all(
        np.allclose(value, ours[key]) if isinstance(value, (float, list)) else value == ours[key]
        for key, value in theirs.items()
    )


def _convert(model: Any, processor: Any, files: Files, folder: Path) -> dict[Path, Path]:
    """Convert a model; return where the files are that correspond to those given."""
    import conversion
    import gguf
    from conversion.base import ModelBase

    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    whole = ModelBase.load_hparams(folder, False)["architectures"][0]
    made: dict[Path, Path] = {}
    with torch.inference_mode():
        for path, architecture, mmproj in (
            (files.model, files.text_architecture or whole, False),
            (files.mmproj, whole, True),
        ):
            base = conversion.get_model_class(architecture, mmproj=mmproj)

            def filter_tensors(own: Any, item: Any, base: Any = base) -> Any:
                return base.filter_tensors.__func__(own, (files.rename(item[0]), item[1]))

            members: dict[str, Any] = {"model_arch": base.model_arch, "filter_tensors": classmethod(filter_tensors)}
            if not mmproj:
                members["set_vocab"] = lambda _self: None
            kind: Any = type(base.__name__, (base,), members)
            kind.hf_arch, kind.no_mtp = architecture, True  # no layers for drafting
            made[path] = folder / f"converted-{path.name}"
            kind(folder, gguf.LlamaFileType.ALL_F32, made[path], eager=True).write()
    return made
