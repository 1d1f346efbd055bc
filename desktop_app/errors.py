"""Expected errors: each has a code, parameters and one sentence for the person.

Everything that is not a `UserError` is a bug. The sentences stand here once, for the window
(which translates them) and for the command line (which prints them as they are).
"""

from __future__ import annotations

from collections.abc import Callable


def QT_TRANSLATE_NOOP(_context: str, text: str) -> str:  # noqa: N802 - the name lupdate looks for
    """Mark `text` for translation without needing Qt here."""
    return text


SENTENCES: dict[str, str] = {
    "file-missing": QT_TRANSLATE_NOOP("errors", "{name} cannot be found. It may have been moved or deleted."),
    "file-unreadable": QT_TRANSLATE_NOOP("errors", "{name} cannot be opened. Check that you are allowed to read it."),
    "is-a-folder": QT_TRANSLATE_NOOP("errors", "{name} is a folder. Drop the pictures inside it instead."),
    "file-empty": QT_TRANSLATE_NOOP("errors", "{name} is empty (0 bytes). Choose another picture."),
    "not-a-picture": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is not a picture that Eyebright can read. Use PNG, JPEG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",
    ),
    "picture-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} is damaged and cannot be read to the end. Try to open and save it again in another program."
    ),
    "picture-unusual": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is damaged, or stored in an unusual way that Eyebright cannot read. "
        "Open it in another program and save it as PNG or JPEG.",
    ),
    "picture-too-large": QT_TRANSLATE_NOOP(
        "errors",
        "{name} has {megapixels} megapixels; Eyebright reads up to {limit}. Make it smaller and try again.",
    ),
    "web-address": QT_TRANSLATE_NOOP(
        "errors",
        "Eyebright does not go online to fetch pictures. Save the picture on this computer, then drop the file here.",
    ),
    "nothing-to-drop": QT_TRANSLATE_NOOP("errors", "There is no picture in what you dropped."),
    "program-incomplete": QT_TRANSLATE_NOOP(
        "errors", "Parts of Eyebright that fit the processor of this computer are missing. Install Eyebright again."
    ),
    "model-missing": QT_TRANSLATE_NOOP("errors", "The model file {name} cannot be found."),
    "model-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} is not a model that can be loaded: the file is damaged or incomplete. Fetch it again."
    ),
    "model-unsupported": QT_TRANSLATE_NOOP(
        "errors", "{name} uses the architecture {architecture}, which this version cannot run."
    ),
    "projector-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} is not a projector that can be loaded: the file is damaged or incomplete. Fetch it again."
    ),
    "projector-unsupported": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is a projector of the kind {kind}, which Eyebright cannot read pictures with so far. "
        "Choose another model, or this one without a projector, to write with it.",
    ),
    "projector-mismatch": QT_TRANSLATE_NOOP(
        "errors",
        "The projector {projector} belongs to another model than {model} "
        "(it makes {projector_width} values a token, the model reads {model_width}). Choose the matching pair.",
    ),
    "projector-needed": QT_TRANSLATE_NOOP(
        "errors", "{model} cannot see pictures without its projector (mmproj). Name both files."
    ),
    "swapped-files": QT_TRANSLATE_NOOP("errors", "{name} is a projector, not a language model. Swap the two files."),
    "not-a-projector": QT_TRANSLATE_NOOP("errors", "{name} is a language model, not a projector. Swap the two files."),
    "out-of-memory": QT_TRANSLATE_NOOP(
        "errors", "There is not enough memory to load {name}. Close other programs or choose a smaller model."
    ),
    "does-not-fit": QT_TRANSLATE_NOOP(
        "errors",
        "{name} needs at least {needed} GiB of memory, and Eyebright can use {available} GiB on this computer. "
        "Choose a smaller model.",
    ),
    "does-not-fit-offer": QT_TRANSLATE_NOOP(
        "errors",
        "{name} needs at least {needed} GiB of memory, and Eyebright can use {available} GiB on this computer. "
        "The same model in a smaller file ({offer}) would fit.",
    ),
    "memory-limit-wrong": QT_TRANSLATE_NOOP(
        "errors", "The memory limit “{value}” is not understood. Write a number and a unit, such as 8G."
    ),
    "context-too-small": QT_TRANSLATE_NOOP(
        "errors",
        "This message needs {needed} tokens, but the context holds {available}. "
        "Shorten it, or send fewer pictures at once.",
    ),
    "question-empty": QT_TRANSLATE_NOOP("errors", "There is no question. Write one and send again."),
    "engine-died": QT_TRANSLATE_NOOP(
        "errors", "The engine stopped unexpectedly. What was written so far is kept; restart it to go on."
    ),
    "another-model": QT_TRANSLATE_NOOP("errors", "Another model was chosen meanwhile."),
    "window-hangs": QT_TRANSLATE_NOOP(
        "errors", "Eyebright is open already, but it does not answer. End it, or wait until it does, and start again."
    ),
    "not-saved": QT_TRANSLATE_NOOP(
        "errors", "{name} could not be saved. Check that you are allowed to write to its folder."
    ),
    "file-too-large": QT_TRANSLATE_NOOP(
        "errors", "{name} is larger than {limit} MB, too large for a picture. Choose another file."
    ),
    "import-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} is not a conversation that Eyebright saved, or it is damaged. Nothing was added."
    ),
    "disk-full": QT_TRANSLATE_NOOP("errors", "The disk is full, so {name} could not be saved. Free some space."),
    "history-damaged": QT_TRANSLATE_NOOP(
        "errors", "The conversation file is damaged. It was set aside as {name}, and a new one was started."
    ),
    "history-salvaged": QT_TRANSLATE_NOOP(
        "errors",
        "The conversation file was damaged. Messages that could still be read: {messages}. "
        "The damaged file is kept as {name}.",
    ),
    "history-newer": QT_TRANSLATE_NOOP(
        "errors", "The conversations were written by a newer Eyebright. Install that version to open them."
    ),
    "history-in-use": QT_TRANSLATE_NOOP(
        "errors", "The conversations are open in another Eyebright window. Close that window and start again."
    ),
    "history-unavailable": QT_TRANSLATE_NOOP(
        "errors",
        "The conversation file {name} cannot be read or written. "
        "Check that its disk is there and that you are allowed to write to it.",
    ),
    "folder-unusable": QT_TRANSLATE_NOOP(
        "errors",
        "Eyebright cannot keep anything in {name}. "
        "Check that its disk is there and not full, and that you are allowed to write to it.",
    ),
    "settings-damaged": QT_TRANSLATE_NOOP(
        "errors", "The settings file could not be read. It was set aside as {name}, and the usual settings are in use."
    ),
}


class UserError(Exception):
    """An expected error with one clear sentence. Nothing is lost when it is raised."""

    def __init__(self, code: str, **parameters: str | int | float) -> None:
        super().__init__(code, parameters)
        if code not in SENTENCES:
            raise ValueError(f"unknown error code {code!r}")
        self.code = code
        self.parameters = parameters

    def sentence(self, translate: Callable[[str], str] = str) -> str:
        """Return the sentence; `translate` maps the English template to another language."""
        return translate(SENTENCES[self.code]).format(**self.parameters)

    def __str__(self) -> str:
        return self.sentence()

    def __reduce__(self) -> tuple[Callable[..., UserError], tuple[str, dict[str, str | int | float]]]:
        # Errors cross the pipe from the engine; keyword arguments need help with that.
        return (_rebuild, (self.code, self.parameters))


def _rebuild(code: str, parameters: dict[str, str | int | float]) -> UserError:
    return UserError(code, **parameters)
