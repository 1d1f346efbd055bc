"""Expected errors of the model store: a code, parameters and one sentence each, as the program's own.

The sentences stand here because the store can be used alone; the window translates them in the
context "errors", the command line prints them as they are. Sizes among the parameters are texts
with their unit. Everything that is not a `StoreError` is a bug.
"""

from __future__ import annotations

from collections.abc import Callable


def QT_TRANSLATE_NOOP(_context: str, text: str) -> str:  # noqa: N802 - the name lupdate looks for
    """Mark `text` for translation without needing Qt here."""
    return text


SENTENCES: dict[str, str] = {
    # Who is asked
    "endpoint-wrong": QT_TRANSLATE_NOOP(
        "errors",
        "The address “{address}” cannot be used to fetch models. It must begin with https:// and name a server.",
    ),
    "proxy-wrong": QT_TRANSLATE_NOOP(
        "errors", "The proxy “{address}” is not understood. Write it as http://name:port or socks5://name:port."
    ),
    "system-proxy-wrong": QT_TRANSLATE_NOOP(
        "errors",
        "The proxy of this system, “{address}”, is not understood. Name another one under Models, Where from…, "
        "or write “none” there.",
    ),
    "proxy-refused": QT_TRANSLATE_NOOP(
        "errors",
        "The proxy on the way to {host} wants a name and a password. Write its address as "
        "http://you:password@name:port or socks5://you:password@name:port.",
    ),
    "repository-name-wrong": QT_TRANSLATE_NOOP(
        "errors", "“{name}” is not the name of a repository. It looks like this: owner/name."
    ),
    # What the server says
    "repository-missing": QT_TRANSLATE_NOOP(
        "errors", "{repository} was not found on {host}. Check its name; a private one needs an access token."
    ),
    "remote-file-missing": QT_TRANSLATE_NOOP(
        "errors", "{name} is not in {repository} (any more). Choose another file or model."
    ),
    "gated": QT_TRANSLATE_NOOP(
        "errors",
        "The terms of {repository} have to be accepted first. Do so on its page at {host}, "
        "and enter an access token under Models, Where from….",
    ),
    "token-refused": QT_TRANSLATE_NOOP(
        "errors", "{host} does not accept the access token. Enter a new one under Models, Where from…, or remove it."
    ),
    "server-busy": QT_TRANSLATE_NOOP(
        "errors", "{host} asks for patience: too many requests. Try again in {seconds} s."
    ),
    "server-failed": QT_TRANSLATE_NOOP("errors", "{host} could not answer (status {status}). Try again later."),
    "answer-not-understood": QT_TRANSLATE_NOOP(
        "errors", "{host} sent something else than was asked for. Perhaps a login page of the network is in the way."
    ),
    "release-not-understood": QT_TRANSLATE_NOOP(
        "errors", "The answer of {host} could not be understood. Look at the release page, or try again later."
    ),
    # The way there
    "no-connection": QT_TRANSLATE_NOOP(
        "errors", "{host} cannot be reached. Check the network connection; what was fetched so far is kept."
    ),
    "releases-unreachable": QT_TRANSLATE_NOOP(
        "errors", "{host} cannot be reached to ask for updates. Check the network connection and try again."
    ),
    "connection-not-safe": QT_TRANSLATE_NOOP(
        "errors", "The connection to {host} is not safe, so nothing was fetched from there: {reason}"
    ),
    # What arrives
    "checksum-differs": QT_TRANSLATE_NOOP(
        "errors", "{name} arrived with wrong content and was deleted. The other files are kept; try again."
    ),
    "checksum-unexpected": QT_TRANSLATE_NOOP(
        "errors", "{name} on {host} is not the file that Eyebright knows by this name, so it was not fetched."
    ),
    "not-a-model": QT_TRANSLATE_NOOP("errors", "{name} is not a model file (GGUF), whatever its name says."),
    "pair-incomplete": QT_TRANSLATE_NOOP(
        "errors", "{repository} does not hold a language model together with a projector, so it cannot see pictures."
    ),
    "repository-split": QT_TRANSLATE_NOOP(
        "errors",
        "{repository} holds its model in several parts ({name} and so on), and Eyebright fetches only whole ones. "
        "Look for another repository with the same model.",
    ),
    # Where it goes
    "no-room": QT_TRANSLATE_NOOP(
        "errors",
        "{title} needs {needed} more on the disk, and {free} are free. What was fetched so far is kept; free some "
        "space and resume.",
    ),
    "model-folder-unusable": QT_TRANSLATE_NOOP(
        "errors",
        "{name} cannot be written to. Check that its disk is there and that you are allowed to write to it.",
    ),
    "folder-taken": QT_TRANSLATE_NOOP("errors", "{name} is already in the model folder."),
    # What is asked of the store
    "model-unknown": QT_TRANSLATE_NOOP("errors", "There is no model called “{name}” in the catalogue."),
    "download-unknown": QT_TRANSLATE_NOOP("errors", "There is no such download (any more)."),
    "downloads-in-use": QT_TRANSLATE_NOOP(
        "errors", "Another Eyebright is fetching models into {name}. Wait until it has ended."
    ),
    # What is already on this computer
    "file-missing": QT_TRANSLATE_NOOP("errors", "{name} cannot be found. It may have been moved or deleted."),
    "file-unreadable": QT_TRANSLATE_NOOP(
        "errors", "{name} cannot be opened. Check that you are allowed to read it, and that its disk is there."
    ),
    "weights-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} is damaged, or was not copied to its end. Fetch or copy it again."
    ),
    "other-weights": QT_TRANSLATE_NOOP("errors", "{name} is a GGUF file, but no model that one can talk with."),
    "vision-inside": QT_TRANSLATE_NOOP(
        "errors",
        "{name} holds the model and its eyes in one file, as only Ollama reads it. Fetch it as a model (GGUF) with "
        "a projector (mmproj).",
    ),
    "nothing-to-import": QT_TRANSLATE_NOOP("errors", "There is no model (GGUF file) in {name}."),
    "split-model": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is a part of a model that was split into {count} files. Join them first "
        "(llama-gguf-split --merge), and add the whole file.",
    ),
    "projector-alone": QT_TRANSLATE_NOOP(
        "errors", "{name} is only a projector. Add it together with the language model it belongs to."
    ),
    "projector-absent": QT_TRANSLATE_NOOP(
        "errors", "{name} sees pictures only through its projector (mmproj), which is not there. Add both files."
    ),
    "pair-mismatch": QT_TRANSLATE_NOOP(
        "errors",
        "The projector {projector} belongs to another model than {model} "
        "(it makes {projector_width} values a token, the model reads {model_width}). Choose the matching pair.",
    ),
    "pair-other-kind": QT_TRANSLATE_NOOP(
        "errors", "The projector {projector} was made for another kind of model than {model}. Choose the matching pair."
    ),
    "pair-other-version": QT_TRANSLATE_NOOP(
        "errors",
        "{model} is a LLaVA {version}, and the projector {projector} is of another version. Choose the matching pair.",
    ),
    "no-room-to-copy": QT_TRANSLATE_NOOP(
        "errors",
        "{title} needs {needed} on the disk of {folder}, and {free} are free. Free some space there, or choose "
        "another place.",
    ),
    "disk-takes-no-large-files": QT_TRANSLATE_NOOP(
        "errors",
        "The disk of {folder} takes no file as large as {name} ({size}): it is formatted as FAT32. "
        "Format it as exFAT, or take another one.",
    ),
    "copy-differs": QT_TRANSLATE_NOOP(
        "errors",
        "{name} was not copied rightly: what was written is not what must be there. Try again; if it happens "
        "again, the disk or the stick is damaged.",
    ),
    "import-in-use": QT_TRANSLATE_NOOP("errors", "Another Eyebright is copying {title} just now."),
    "found-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} is not what {program} once fetched: the file is damaged. Let {program} fetch it again."
    ),
    "files-wrong": QT_TRANSLATE_NOOP(
        "errors", "Files of {title} are missing or damaged. Repair it first, so that nothing wrong is passed on."
    ),
    "export-taken": QT_TRANSLATE_NOOP("errors", "There is something else in {folder}. Choose another folder."),
    "move-into-itself": QT_TRANSLATE_NOOP("errors", "{folder} lies in the model folder itself. Choose another one."),
    "move-collides": QT_TRANSLATE_NOOP(
        "errors", "In {folder} there is another model called “{name}”. Choose another folder."
    ),
    "not-found-elsewhere": QT_TRANSLATE_NOOP("errors", "No other program has a model called “{name}”."),
    # What is installed
    "not-repairable": QT_TRANSLATE_NOOP(
        "errors", "Files of {title} are missing or damaged, and nobody knows where to fetch them again. Add them anew."
    ),
    "terms-not-accepted": QT_TRANSLATE_NOOP(
        "errors",
        "The licence of {title} has terms that must be accepted first. Read them, then repeat with --accept-terms.",
    ),
    "quantisation-unknown": QT_TRANSLATE_NOOP("errors", "{title} comes as {offered}, not as {name}."),
    "not-installed": QT_TRANSLATE_NOOP("errors", "No model called “{name}” is installed."),
    "not-removed": QT_TRANSLATE_NOOP(
        "errors", "{name} could not be deleted. If it is in use, choose another model first."
    ),
    "catalogue-damaged": QT_TRANSLATE_NOOP("errors", "The catalogue {name} cannot be read: {reason}"),
}


class StoreError(Exception):
    """An expected error with one clear sentence."""

    def __init__(self, code: str, **parameters: str | int) -> None:
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


def size_text(size: int) -> str:
    """Return a size as people read it: "4.08 GB", "624 MB", "0.3 MB"."""
    if size >= 1_000_000_000:
        return f"{size / 1e9:.2f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 10_000_000 else f"{size / 1e6:.1f} MB"
