"""Checks the GGUF headers of a language model and its projector before llama.cpp loads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from desktop_app.chat.families import known
from desktop_app.chat.families.signs import Wording, family_for, wording_of
from desktop_app.engine.weights.decoder_check import has_sound_numbers, is_sound_decoder
from desktop_app.engine.weights.projector_check import checked_projector
from desktop_app.engine.weights.projector_header import Projector
from desktop_app.errors import UserError
from model_store.foreign_files import is_missing
from model_store.gguf_header import DamagedGGUFError, GGUFHeader, NotGGUFError, read_header
from model_store.projector_kinds import LFM2, MINICPM_V, MINICPM_V46, is_made_for, other_version
from model_store.split_model import WrongPartError, read_whole
from model_store.titles import is_in_library, title_in_use

_PROJECTOR_ARCHITECTURE = "clip"
#: The key that names how text is split before byte pairs are joined.
PRE_TOKENIZER = "tokenizer.ggml.pre"
# Kinds of projectors whose parts of pictures stand between special tokens, and the families that have them.
_FRAMED = {
    MINICPM_V: known.MINICPM_V,
    MINICPM_V46: known.MINICPM_V46,
    LFM2: known.LFM2_VL,
}


@dataclass(frozen=True)
class ModelFiles:
    """A language model and, if there is one, its projector; their headers were checked and belong together."""

    model: Path  # of a split model the first file
    header: GGUFHeader  # with the tensors of all files
    projector: Projector | None
    other_parts: tuple[Path, ...] = ()  # the other files of a split model, in order

    @property
    def weights(self) -> tuple[Path, ...]:
        """All files of the language model, in order."""
        return (self.model, *self.other_parts)

    @property
    def title(self) -> str:
        """Return what people call the model."""
        return title_in_use(self.model, self.header)

    @property
    def missing_pre_tokenizer(self) -> str:
        """Return the pre-tokeniser that the model was trained with if the file does not name it, "" if it does.

        llama.cpp takes another one then. Only byte-pair vocabularies have one, and not every family knows its own.
        """
        if self.header.text("tokenizer.ggml.model") != "gpt2" or self.header.text(PRE_TOKENIZER) not in ("", "default"):
            return ""
        return family_for(self.header.metadata).pre_tokenizer

    @property
    def wording(self) -> UserError | None:
        """Return what must be said of the words in which the model is spoken to; None: they are those it knows."""
        wording = wording_of(self.header.metadata)
        if wording is Wording.OTHER:
            return UserError("words-other", family=family_for(self.header.metadata).title)
        return UserError("words-unknown") if wording is Wording.UNKNOWN else None


def check_files(model: Path, mmproj: Path | None) -> ModelFiles:
    """Read both headers and check that they belong together; of a split model, whichever file is named, those of all.

    Raises `UserError`: model-missing, model-away, model-is-a-folder, file-unreadable, not-gguf, model-damaged,
    model-part-renamed, model-parts-differ, swapped-files, projector-damaged, not-a-projector, projector-unsupported,
    projector-mismatch, projector-other-kind, projector-other-version or family-unknown.
    """
    folder = model.parent
    try:
        names, header = read_whole(model.name, lambda name: _header(folder / name, "model-damaged"))
    except WrongPartError as error:
        raise UserError(error.code, **error.parameters) from error
    projector_header = _header(mmproj, "projector-damaged") if mmproj is not None else None
    checked = check_headers(folder / names[0], header, mmproj, projector_header)
    return replace(checked, other_parts=tuple(folder / name for name in names[1:]))


def check_headers(
    model: Path, header: GGUFHeader, mmproj: Path | None, projector_header: GGUFHeader | None
) -> ModelFiles:
    """Check two headers, of files that need not be downloaded yet. Raises `UserError` as `check_files`."""
    if header.architecture == _PROJECTOR_ARCHITECTURE:
        raise UserError("swapped-files", name=model.name)
    width = header.integer(f"{header.architecture}.embedding_length")
    if (
        not header.architecture
        or not width
        or "token_embd.weight" not in header.tensors
        or not is_sound_decoder(header)
    ):
        raise UserError("model-damaged", name=model.name)
    if mmproj is None or projector_header is None:
        return ModelFiles(model, header, None)
    if projector_header.architecture != _PROJECTOR_ARCHITECTURE:
        raise UserError("not-a-projector", name=mmproj.name)
    if not has_sound_numbers(projector_header):
        raise UserError("projector-damaged", name=mmproj.name)
    projector = checked_projector(mmproj, projector_header)
    names = {"projector": mmproj.name, "model": model.name}
    if not is_made_for(projector_header, header):
        raise UserError("projector-other-kind", **names)
    framed = _FRAMED.get(projector.kind)
    if framed is not None and family_for(header.metadata) is not framed:
        # The prompt needs special tokens around the parts of a picture; other families do not have them.
        raise UserError("projector-unsupported", name=mmproj.name, kind=projector.kind)
    if family_for(header.metadata) is known.UNKNOWN:
        raise UserError("family-unknown", name=model.name, architecture=header.architecture)
    # Rows that go into several layers (deepstack) lie side by side.
    width *= 1 + (header.integer(f"{header.architecture}.n_deepstack_layers") or 0)
    if projector.width != width:
        raise UserError("projector-mismatch", **names, projector_width=projector.width, model_width=width)
    version = other_version(header, model.name, projector_header, mmproj.name)
    if version:
        raise UserError("projector-other-version", **names, version=version)
    return ModelFiles(model, header, projector)


def _header(path: Path, damaged: str) -> GGUFHeader:
    try:
        return read_header(path)
    except NotGGUFError as error:  # one of the library's was a model when it came there
        raise UserError(damaged if is_in_library(path) else "not-gguf", name=path.name) from error
    except DamagedGGUFError as error:
        raise UserError(damaged, name=path.name) from error
    except IsADirectoryError as error:
        raise UserError("model-is-a-folder", name=path.name or str(path)) from error
    except OSError as error:
        if not is_missing(error):
            raise UserError("file-unreadable", name=path.name) from error
        if is_in_library(path):  # it lay in the library: it can be downloaded again
            raise UserError("model-missing", name=path.name) from error
        raise UserError("model-away", name=path.name, folder=str(path.absolute().parent)) from error
