"""The file dialog in which the projector of a model is chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_app.ui.files.chosen_folders import folder_for, remember
from desktop_app.ui.files.file_kinds import file_kind
from desktop_app.ui.sentences import translate


def choose_projector(title: str, model: Path | str, in_place: bool, parent: QWidget) -> str:
    """Let the person choose a projector; "" if they did not.

    Begins beside the model's file if that is `in_place`, where the person has put it.
    """
    kind = file_kind(translate("Models", "Projectors"), [".gguf"])
    words = translate("Models", "Choose the projector (mmproj) of {title}").format(title=title)
    start = str(Path(model).parent) if in_place else folder_for("models")
    file, _ = QFileDialog.getOpenFileName(parent, words, start, kind)
    if file:
        remember("models", file)
    return file
