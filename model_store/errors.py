"""Expected errors of the model store, each with a code, parameters and one sentence.

The sentences are defined here because the store can be used without the program. The window translates them in the
context "errors"; the command line prints them as they are. Sizes among the parameters are texts with a unit. Every
exception that is not a `StoreError` is a bug.
"""

from __future__ import annotations

from collections.abc import Callable


def QT_TRANSLATE_NOOP(_context: str, text: str) -> str:  # noqa: N802 - the name lupdate looks for
    """Mark `text` for translation without needing Qt here."""
    return text


SENTENCES: dict[str, str] = {
    # Addresses
    "endpoint-wrong": QT_TRANSLATE_NOOP(
        "errors",
        "Models cannot be downloaded from the address “{address}”. It must begin with https:// and name a server.",
    ),
    "proxy-wrong": QT_TRANSLATE_NOOP(
        "errors", "“{address}” is not a proxy address. Write it as http://name:port or socks5://name:port."
    ),
    "system-proxy-wrong": QT_TRANSLATE_NOOP(
        "errors",
        "The proxy set on this computer, “{address}”, is not a proxy address. Under Models, Sources, "
        "enter another proxy, or “none”.",
    ),
    "proxy-refused": QT_TRANSLATE_NOOP(
        "errors",
        "The proxy for {host} needs a user name and a password. Write its address as "
        "http://you:password@name:port or socks5://you:password@name:port.",
    ),
    "repository-name-wrong": QT_TRANSLATE_NOOP("errors", "“{name}” is not a repository name. Write it as owner/name."),
    # Answers of the server
    "repository-missing": QT_TRANSLATE_NOOP(
        "errors",
        "{repository} was not found on {host}. Check the name. If the repository is private, add an access token.",
    ),
    "remote-file-missing": QT_TRANSLATE_NOOP(
        "errors", "{name} is no longer in {repository}. Choose another file or model."
    ),
    "gated": QT_TRANSLATE_NOOP(
        "errors",
        "You have to accept the terms of {repository} first. Accept them on its page at {host}, then enter an "
        "access token under Models, Sources.",
    ),
    "token-refused": QT_TRANSLATE_NOOP(
        "errors",
        "{host} does not accept the access token. Enter a new one under Models, Sources, or remove it.",
    ),
    "server-busy": QT_TRANSLATE_NOOP("errors", "{host} received too many requests. Try again in {seconds} s."),
    "server-failed": QT_TRANSLATE_NOOP("errors", "{host} could not answer (status {status}). Try again later."),
    "answer-not-understood": QT_TRANSLATE_NOOP(
        "errors", "{host} sent an unexpected answer. Check whether this network asks you to log in first."
    ),
    "release-not-understood": QT_TRANSLATE_NOOP(
        "errors", "{host} sent an unexpected answer. Look at the release page, or try again later."
    ),
    # Connections
    "no-connection": QT_TRANSLATE_NOOP(
        "errors", "{host} cannot be reached. Check the network connection and try again."
    ),
    "download-interrupted": QT_TRANSLATE_NOOP(
        "errors", "{host} cannot be reached. Check the network connection. What was downloaded so far is kept."
    ),
    "releases-unreachable": QT_TRANSLATE_NOOP(
        "errors", "{host} cannot be reached to check for updates. Check the network connection and try again."
    ),
    "connection-not-safe": QT_TRANSLATE_NOOP(
        "errors", "The connection to {host} is not secure, so nothing was downloaded: {reason}"
    ),
    # Downloaded files
    "checksum-differs": QT_TRANSLATE_NOOP(
        "errors", "{name} was damaged during the download and was deleted. The other files are kept. Try again."
    ),
    "checksum-unexpected": QT_TRANSLATE_NOOP(
        "errors",
        "{name} on {host} is not the file that the catalogue lists, so it was not downloaded. Choose another model.",
    ),
    "not-a-model": QT_TRANSLATE_NOOP("errors", "{name} is not a model file (GGUF). Choose another file."),
    "pair-incomplete": QT_TRANSLATE_NOOP(
        "errors",
        "{repository} does not have both a language model and a projector, so it cannot see pictures. Choose "
        "another repository.",
    ),
    "repository-part-missing": QT_TRANSLATE_NOOP(
        "errors",
        "{name} in {repository} is a model in {count} files, and the repository lacks {missing}. Choose another "
        "repository.",
    ),
    # Disk space and folders
    "no-room": QT_TRANSLATE_NOOP(
        "errors",
        "{title} needs {needed} more disk space, and {free} are free. Free some space and resume.",
    ),
    "no-room-for-the-rest": QT_TRANSLATE_NOOP(
        "errors",
        "{title} needs {needed} more disk space, and {free} are free. What was downloaded so far is kept. Free "
        "some space and resume.",
    ),
    "model-folder-unusable": QT_TRANSLATE_NOOP(
        "errors",
        "Eyebright cannot write to {name}. Check that its disk is connected and that you have permission to write "
        "to it.",
    ),
    "folder-taken": QT_TRANSLATE_NOOP(
        "errors", "{name} is already in the model folder. To download it again, remove it first."
    ),
    # Unknown models and downloads
    "model-unknown": QT_TRANSLATE_NOOP("errors", "There is no model called “{name}” in the catalogue. Check the name."),
    "download-unknown": QT_TRANSLATE_NOOP("errors", "This download no longer exists."),
    "downloads-in-use": QT_TRANSLATE_NOOP(
        "errors", "Another Eyebright is downloading models to {name}. Wait until it has finished."
    ),
    # Files on this computer
    "file-missing": QT_TRANSLATE_NOOP("errors", "{name} cannot be found. It may have been moved or deleted."),
    "file-unreadable": QT_TRANSLATE_NOOP(
        "errors", "{name} cannot be opened. Check that its disk is connected and that you have permission to read it."
    ),
    "weights-damaged": QT_TRANSLATE_NOOP("errors", "{name} is damaged or incomplete. Download or copy it again."),
    "other-weights": QT_TRANSLATE_NOOP(
        "errors", "{name} is a GGUF file, but not a language model to chat with. Choose another file."
    ),
    "vision-inside": QT_TRANSLATE_NOOP(
        "errors",
        "{name} has model and projector in one file, which only Ollama can read. Download the model (GGUF) and "
        "its projector (mmproj) as two files.",
    ),
    "nothing-to-import": QT_TRANSLATE_NOOP("errors", "There is no model (GGUF file) in {name}. Choose another folder."),
    "model-part-missing": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is a model in {count} files, and its folder lacks {missing}. Put all of them into one folder, then "
        "add the model again.",
    ),
    "model-part-renamed": QT_TRANSLATE_NOOP(
        "errors",
        "{name} is file {number} of {count} of a model, and was renamed. Give all of them the names they were "
        "published with: this one ends in -{number:05}-of-{count:05}.gguf.",
    ),
    "model-parts-differ": QT_TRANSLATE_NOOP(
        "errors", "The {count} files of {name} do not belong to one model. Download or copy all of them again."
    ),
    "projector-alone": QT_TRANSLATE_NOOP(
        "errors", "{name} is only a projector. Add the language model that it belongs to as well."
    ),
    "no-projector-file": QT_TRANSLATE_NOOP(
        "errors", "{name} is a language model, not a projector. Choose the file with “mmproj” in its name."
    ),
    "pair-mismatch": QT_TRANSLATE_NOOP(
        "errors",
        "The projector {projector} does not belong to the model {model} (it has an embedding size of "
        "{projector_width}, the model {model_width}). Choose two files that belong together.",
    ),
    "pair-other-kind": QT_TRANSLATE_NOOP(
        "errors",
        "The projector {projector} was made for another type of model than {model}. Choose two files that belong "
        "together.",
    ),
    "pair-other-version": QT_TRANSLATE_NOOP(
        "errors",
        "{model} is LLaVA {version}, and the projector {projector} is for another version. Choose two files that "
        "belong together.",
    ),
    "no-room-to-copy": QT_TRANSLATE_NOOP(
        "errors",
        "{title} needs {needed} on the disk of {folder}, and {free} are free. Free some space there, or choose "
        "another folder.",
    ),
    "disk-takes-no-large-files": QT_TRANSLATE_NOOP(
        "errors",
        "The disk of {folder} cannot store a file as large as {name} ({size}), because it is formatted as FAT32. "
        "Format it as exFAT, or choose another disk.",
    ),
    "copy-differs": QT_TRANSLATE_NOOP(
        "errors", "{name} was damaged while it was copied. Try again. If it happens again, the disk is failing."
    ),
    "import-in-use": QT_TRANSLATE_NOOP("errors", "Another Eyebright is copying {title}. Wait until it has finished."),
    "found-damaged": QT_TRANSLATE_NOOP(
        "errors", "{name} is not the file that {program} downloaded. It is damaged. Download it again with {program}."
    ),
    "files-wrong": QT_TRANSLATE_NOOP(
        "errors", "Files of {title} are missing or damaged. Repair the model before you export it."
    ),
    "export-taken": QT_TRANSLATE_NOOP("errors", "{folder} contains something else. Choose another folder."),
    "move-into-itself": QT_TRANSLATE_NOOP("errors", "{folder} is inside the model folder. Choose another folder."),
    "move-collides": QT_TRANSLATE_NOOP(
        "errors", "{folder} already contains another model called “{name}”. Choose another folder."
    ),
    "not-found-elsewhere": QT_TRANSLATE_NOOP(
        "errors",
        "No other program has a model called “{name}”. To see what there is, run: eyebright models list --found",
    ),
    # Installed models
    "not-repairable": QT_TRANSLATE_NOOP(
        "errors",
        "Files of {title} are missing or damaged, and Eyebright does not know where to download them. Remove the "
        "model and add it again.",
    ),
    "terms-not-accepted": QT_TRANSLATE_NOOP(
        "errors",
        "You have to accept the licence terms of {title} first. Read them, then run the command again with "
        "--accept-terms.",
    ),
    "quantisation-unknown": QT_TRANSLATE_NOOP("errors", "{title} is not available as {name}. Available: {offered}."),
    "not-downloaded": QT_TRANSLATE_NOOP(
        "errors", "{title} is not downloaded yet. Download it with: eyebright models download {id}"
    ),
    "not-installed": QT_TRANSLATE_NOOP("errors", "No model called “{name}” is installed. Check the name."),
    "title-ambiguous": QT_TRANSLATE_NOOP(
        "errors", "Several installed models are called “{name}”. Use the id of one instead: {ids}."
    ),
    "not-removed": QT_TRANSLATE_NOOP(
        "errors", "{name} could not be deleted. If it is in use, choose another model first."
    ),
    "catalogue-damaged": QT_TRANSLATE_NOOP(
        "errors", "The catalogue {name} is damaged: {reason}. Install Eyebright again."
    ),
}


class StoreError(Exception):
    """An expected error, with one sentence that explains it."""

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
