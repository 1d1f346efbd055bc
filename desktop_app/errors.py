"""Errors that a person can cause or fix: each has a code, parameters and a sentence that says what to do.

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
    "no-such-picture": QT_TRANSLATE_NOOP(
        "errors", "There is no picture “{name}”. If that is your question, write -p before it."
    ),
    "file-unreadable": QT_TRANSLATE_NOOP("errors", "{name} cannot be opened. Check that you are allowed to read it."),
    "is-a-folder": QT_TRANSLATE_NOOP("errors", "{name} is a folder. Choose the pictures inside it instead."),
    "file-empty": QT_TRANSLATE_NOOP("errors", "{name} is empty (0 bytes). Choose another picture."),
    "not-a-picture": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is not a picture that Eyebright can read. Use PNG, JPEG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",
    ),
    "picture-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} is damaged. Try opening it in another program and saving it again."
    ),
    "picture-ends-early": QT_TRANSLATE_NOOP(
        "errors",
        "{name} ends early, so nothing of it can be shown. It was probably not copied or downloaded completely: "
        "copy or download it again.",
    ),
    "picture-unusual": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is damaged, or in a format variant that Eyebright cannot read. Open it in another program and "
        "save it as PNG or JPEG.",
    ),
    "picture-too-large": QT_TRANSLATE_NOOP(
        "errors",
        "{name} has {megapixels} megapixels, and Eyebright reads up to {limit}. Make it smaller and try again.",
    ),
    "picture-too-slow": QT_TRANSLATE_NOOP(
        "errors",
        "{name} takes too long to read: it is built in an unusual way. Open it in another program and save it again.",
    ),
    "picture-needs-memory": QT_TRANSLATE_NOOP(
        "errors", "There is not enough free memory to read {name}. Close other programs, or make the picture smaller."
    ),
    # Notes about a picture that is read.
    "picture-lower-part-missing": QT_TRANSLATE_NOOP(
        "errors", "{name} is incomplete: its lower part is missing. What is there is shown."
    ),
    "picture-part-missing": QT_TRANSLATE_NOOP(
        "errors", "{name} is incomplete: a part of it is missing. What is there is shown."
    ),
    "picture-end-missing": QT_TRANSLATE_NOOP(
        "errors", "{name} is incomplete: the end of the file is missing. What is there is shown."
    ),
    "picture-frame": QT_TRANSLATE_NOOP("errors", "{name} is an animation. The model sees frame {frame} of {frames}."),
    "picture-page": QT_TRANSLATE_NOOP("errors", "{name} has several pages. The model sees page {page} of {pages}."),
    "web-address": QT_TRANSLATE_NOOP(
        "errors", "Eyebright does not go online for pictures. Save the picture on this computer, then add the file."
    ),
    "nothing-to-drop": QT_TRANSLATE_NOOP("errors", "There is no picture in what you dropped. Drop a picture file."),
    "program-incomplete": QT_TRANSLATE_NOOP(
        "errors", "Eyebright has no files for the processor of this computer. Install Eyebright again."
    ),
    "model-missing": QT_TRANSLATE_NOOP(
        "errors", "The model file {name} cannot be found. Choose another model, or download it again."
    ),
    "model-is-a-folder": QT_TRANSLATE_NOOP(
        "errors", "{name} is a folder. Choose the model file (GGUF) inside it instead."
    ),
    "model-away": QT_TRANSLATE_NOOP(
        "errors",
        "The model file {name} cannot be found in {folder}. Connect the disk that it is on, or choose another model.",
    ),
    "model-part-renamed": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is file {number} of {count} of a model, and was renamed. Give all of them the names they were "
        "published with: this one ends in -{number:05}-of-{count:05}.gguf.",
    ),
    "model-parts-differ": QT_TRANSLATE_NOOP(
        "errors", "The {count} files of {name} do not belong to one model. Download or copy all of them again."
    ),
    "not-gguf": QT_TRANSLATE_NOOP("errors", "{name} is not a model file (GGUF). Choose another model."),
    "model-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} cannot be loaded as a model. The file is damaged or incomplete. Download it again."
    ),
    "model-unsupported": QT_TRANSLATE_NOOP(
        "errors",
        "{name} has the architecture {architecture}, which this version of Eyebright cannot run. Choose another model.",
    ),
    "cannot-think": QT_TRANSLATE_NOOP(
        "errors", "{name} cannot think before it answers. Leave out --think, or choose another model."
    ),
    "no-picture-tokens": QT_TRANSLATE_NOOP(
        "errors",
        "With {name} one cannot choose how many tokens a picture takes. Leave out --picture-tokens, or choose another "
        "model.",
    ),
    "family-unknown": QT_TRANSLATE_NOOP(
        "errors",
        "{name} was trained with words that Eyebright does not know (its architecture is {architecture}), so it would "
        "not understand questions about pictures. Choose another model, or use this one for text only, without its "
        "projector.",
    ),
    # Notes about a model that is used.
    "words-other": QT_TRANSLATE_NOOP(
        "errors",
        "It is spoken to as {family}; its file has other words, so its answers may be worse than its makers intended.",
    ),
    "words-unknown": QT_TRANSLATE_NOOP(
        "errors", "The words that it was trained with are not known to Eyebright, so its answers may be poor."
    ),
    "projector-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} cannot be loaded as a projector. The file is damaged or incomplete. Download it again."
    ),
    "projector-unsupported": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is a projector of the type {kind}, which Eyebright does not support yet. Choose another model, or "
        "use this one for text only, without its projector.",
    ),
    "projector-other-kind": QT_TRANSLATE_NOOP(
        "errors",
        "The projector {projector} was made for another type of model than {model}. Choose the projector (mmproj) "
        "that was published with the model, or use the model without a projector.",
    ),
    "projector-other-version": QT_TRANSLATE_NOOP(
        "errors",
        "{model} is LLaVA {version}, and the projector {projector} is for another version. Choose two files that "
        "belong together.",
    ),
    "projector-mismatch": QT_TRANSLATE_NOOP(
        "errors",
        "The projector {projector} does not belong to the model {model} (it has an embedding size of "
        "{projector_width}, the model {model_width}). Choose two files that belong together.",
    ),
    "projector-needed": QT_TRANSLATE_NOOP(
        "errors",
        "{model} cannot see pictures without its projector (mmproj). Add the projector, or choose another model.",
    ),
    "swapped-files": QT_TRANSLATE_NOOP("errors", "{name} is a projector, not a language model. Swap the two files."),
    "not-a-projector": QT_TRANSLATE_NOOP("errors", "{name} is a language model, not a projector. Swap the two files."),
    "out-of-memory": QT_TRANSLATE_NOOP(
        "errors", "There is not enough memory to load {name}. Close other programs or choose a smaller model."
    ),
    "does-not-fit": QT_TRANSLATE_NOOP(
        "errors",
        "{name} needs at least {needed} GB of memory, and Eyebright can use {available} GB on this computer. "
        "Choose a smaller model.",
    ),
    "does-not-fit-offer": QT_TRANSLATE_NOOP(
        "errors",
        "{name} needs at least {needed} GB of memory, and Eyebright can use {available} GB on this computer. A "
        "smaller file of the same model ({offer}) would fit.",
    ),
    "memory-limit-wrong": QT_TRANSLATE_NOOP(
        "errors", "“{value}” is not an amount of memory. Write a number with a unit, such as 8G."
    ),
    "context-too-small": QT_TRANSLATE_NOOP(
        "errors",
        "This message needs {needed} tokens, and the context has room for {available}. Shorten the message, send "
        "fewer pictures at once, or set a longer context.",
    ),
    "question-empty": QT_TRANSLATE_NOOP("errors", "There is no question. Write one and try again."),
    "text-too-long": QT_TRANSLATE_NOOP(
        "errors",
        "That text has {characters} characters and {lines} lines. A question can have {limit} characters and "
        "{most_lines} lines. Nothing was added. Copy less of it.",
    ),
    "piped-text-too-long": QT_TRANSLATE_NOOP(
        "errors",
        "What came through the pipe is longer than {limit} characters, the most a question can have. Pass less of it.",
    ),
    "engine-died": QT_TRANSLATE_NOOP(
        "errors", "The engine stopped unexpectedly. Restart the engine, or send a question."
    ),
    "engine-silent": QT_TRANSLATE_NOOP(
        "errors", "The engine does not answer. Wait if the computer is very busy, or restart the engine."
    ),
    "model-ends-engine": QT_TRANSLATE_NOOP(
        "errors", "{name} cannot be run: the engine stopped when it tried. Choose another model."
    ),
    "model-ends-engine-back": QT_TRANSLATE_NOOP(
        "errors",
        "{name} cannot be run: the engine stopped when it tried. {before} is used again. You can also choose another "
        "model.",
    ),
    "model-ends-engine-built-in": QT_TRANSLATE_NOOP(
        "errors",
        "{name} cannot be run: the engine stopped when it tried. The built-in model is used. You can also choose "
        "another model.",
    ),
    "picture-takes-long": QT_TRANSLATE_NOOP(
        "errors",
        "{name} takes too long to read. Open it in another program and save it as PNG or JPEG.",
    ),
    "no-memory-for-picture": QT_TRANSLATE_NOOP(
        "errors", "There is not enough memory to read {name}. Close other programs and try again."
    ),
    "another-model": QT_TRANSLATE_NOOP("errors", "Another model was chosen in the meantime. Try again."),
    "window-hangs": QT_TRANSLATE_NOOP(
        "errors", "Eyebright is already open but does not respond. Wait, or close it, and then start it again."
    ),
    "not-saved": QT_TRANSLATE_NOOP(
        "errors", "{name} could not be saved. Check that you have permission to write to its folder."
    ),
    "file-too-large": QT_TRANSLATE_NOOP(
        "errors", "{name} is larger than {limit} MB, which is too large for a picture. Choose another file."
    ),
    "import-damaged": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is damaged, or is no .json file to which Eyebright exported a conversation. Only those can be "
        "imported. Nothing was added.",
    ),
    "import-too-large": QT_TRANSLATE_NOOP(
        "errors", "{name} holds more than {limit} MB of text, too much for one conversation. Nothing was added."
    ),
    "import-too-many": QT_TRANSLATE_NOOP(
        "errors", "{name} holds more messages than one conversation can have. Nothing was added."
    ),
    "output-disk-full": QT_TRANSLATE_NOOP(
        "errors", "The disk is full, so not everything could be written. Free some space and try again."
    ),
    "output-unusable": QT_TRANSLATE_NOOP(
        "errors", "Standard output is closed or cannot be written. Send it to the terminal, a file or a pipe."
    ),
    "no-standard-input": QT_TRANSLATE_NOOP(
        "errors", "Standard input is closed or cannot be read. Pass a picture with < or through a pipe."
    ),
    "disk-full": QT_TRANSLATE_NOOP(
        "errors", "The disk is full, so {name} could not be saved. Free some space and try again."
    ),
    "history-damaged": QT_TRANSLATE_NOOP(
        "errors", "The conversation file is damaged. It was renamed to {name}, and a new one was started."
    ),
    "history-salvaged": QT_TRANSLATE_NOOP(
        "errors",
        "The conversation file was damaged. Recovered messages: {messages}. The damaged file is kept as {name}.",
    ),
    "backup-not-cleaned": QT_TRANSLATE_NOOP(
        "errors",
        "What was deleted for good is still in a backup that cannot be changed ({names}): close the program that uses "
        "it, allow writing to its folder or delete the file, and Eyebright tries again when it is next started.",
    ),
    "damaged-file-not-cleaned": QT_TRANSLATE_NOOP(
        "errors",
        "What was deleted for good may still be in a damaged conversation file that was set aside ({name}): delete "
        "that file too when you no longer need it.",
    ),
    "damaged-file-stays": QT_TRANSLATE_NOOP(
        "errors",
        "{name} could not be deleted: close the program that uses it, allow writing to its folder, and delete the "
        "file there.",
    ),
    "history-newer": QT_TRANSLATE_NOOP(
        "errors", "The conversations were saved by a newer version of Eyebright. Install that version to open them."
    ),
    "history-in-use": QT_TRANSLATE_NOOP(
        "errors", "The conversations are open in another Eyebright window. Close that window and try again."
    ),
    "history-unavailable": QT_TRANSLATE_NOOP(
        "errors",
        "The conversation file {name} cannot be read or written. Check that its disk is connected and that you "
        "have permission to write to it.",
    ),
    "folder-unusable": QT_TRANSLATE_NOOP(
        "errors",
        "Eyebright cannot save files in {name}. Check that its disk is connected and not full, and that you have "
        "permission to write to it.",
    ),
    "settings-damaged": QT_TRANSLATE_NOOP(
        "errors", "The settings file could not be read. It was renamed to {name}, and the default settings are used."
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
