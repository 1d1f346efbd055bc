"""The file dialog in which the projector of a model is chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_app.ui.sentences import translate
from desktop_app.ui.widgets.file_kinds import file_kind


def choose_projector(title: str, model: Path | str, parent: QWidget) -> str:
    """Let the person choose a projector, beginning beside the model's file; "" if they did not."""
    kind = file_kind(translate("Models", "Projectors"), [".gguf"])
    words = translate("Models", "Choose the projector (mmproj) of {title}").format(title=title)
    file, _ = QFileDialog.getOpenFileName(parent, words, str(Path(model).parent), kind)
    return file
