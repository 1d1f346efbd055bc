"""The file dialogs that export and import a conversation."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QDir
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_app.chat.conversation import Role
from desktop_app.ui.protocols.conversation import Exports
from desktop_app.ui.sentences import translate

_UNFIT_FOR_NAMES = '\\/:*?"<>|'
_LONGEST_NAME = 60


def export_conversation(parent: QWidget, exports: Exports, title: str) -> None:
    """Ask for a file and write the open conversation to it; the dialog offers the formats."""
    kinds = {
        translate("Files", "Web page (*.html)"): ".html",
        translate("Files", "Markdown (*.md)"): ".md",
        translate("Files", "Eyebright conversation with pictures (*.json)"): ".json",
    }
    suggested = Path(QDir.homePath()) / (_file_name(title) or translate("Files", "Conversation"))
    target, kind = QFileDialog.getSaveFileName(
        parent, translate("Files", "Export conversation"), f"{suggested}.html", ";;".join(kinds), next(iter(kinds))
    )
    if not target:
        return
    suffix = Path(target).suffix.lower()
    if suffix not in kinds.values():
        target += kinds[kind]
    exports.export(target, {Role.USER: translate("Files", "Question"), Role.ASSISTANT: translate("Files", "Answer")})


def import_conversation(parent: QWidget, exports: Exports) -> None:
    """Ask for a file and add its conversation."""
    kind = translate("Files", "Eyebright conversation with pictures (*.json)")
    source, _ = QFileDialog.getOpenFileName(parent, translate("Files", "Import conversation"), QDir.homePath(), kind)
    if source:
        exports.import_file(source)


def _file_name(title: str) -> str:
    """Return a title as a file name that is valid on every system."""
    name = "".join(" " if letter in _UNFIT_FOR_NAMES or not letter.isprintable() else letter for letter in title)
    return " ".join(name.split())[:_LONGEST_NAME].strip(" .…")
