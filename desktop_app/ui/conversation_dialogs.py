"""The file dialogs that export and import a conversation."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from desktop_app.chat.conversation import Role
from desktop_app.ui.files.chosen_folders import folder_for, remember
from desktop_app.ui.files.file_kinds import file_kind
from desktop_app.ui.protocols.conversation import Exports
from desktop_app.ui.sentences import translate
from desktop_app.ui.transcript.certainty import remark
from desktop_app.ui.widgets.plain_text import one_line
from desktop_app.ui.widgets.question import Question
from model_store.foreign_files import exists

_UNFIT_FOR_NAMES = '\\/:*?"<>|'
_LONGEST_NAME = 60


def export_conversation(parent: QWidget, exports: Exports, conversation_id: str, title: str) -> None:
    """Ask for a file and write a conversation to it; the dialog offers the formats."""
    kinds = {
        translate("Files", "Web page (*.html)"): ".html",
        translate("Files", "Markdown (*.md)"): ".md",
        translate("Files", "Eyebright conversation with all versions and pictures (*.json)"): ".json",
    }
    name = _file_name(title)
    if Path(name).suffix.lower() in kinds.values():  # else it would count as the choice of a format
        name = str(Path(name).with_suffix(""))
    suggested = str(Path(folder_for("conversations")) / (name or translate("Files", "Conversation")))
    kind = next(iter(kinds))
    while True:
        chosen, kind = QFileDialog.getSaveFileName(
            parent, translate("Files", "Export conversation"), suggested, ";;".join(kinds), kind
        )
        if not chosen:
            return
        target = chosen if Path(chosen).suffix.lower() in kinds.values() else chosen + kinds[kind]
        # The dialog has asked about the name as it was typed. GTK's does not hear of default endings.
        if target == chosen or not exists(target) or _may_replace(parent, Path(target).name):
            break
        suggested = chosen
    remember("conversations", target)
    exports.export(
        target,
        {Role.USER: translate("Files", "Question"), Role.ASSISTANT: translate("Files", "Answer")},
        conversation_id,
        remark,
    )


def _may_replace(parent: QWidget, name: str) -> bool:
    title = translate("Files", "Replace {name}?").format(name=one_line(name))
    text = translate("Files", "A file of this name already exists.")
    question = Question(title, text, translate("Files", "Replace"), translate("Files", "Cancel"), parent)
    question.first = question.no
    return question.exec() == QDialog.DialogCode.Accepted


def import_conversation(parent: QWidget, exports: Exports) -> None:
    """Ask for a file and add its conversation."""
    kind = file_kind(translate("Files", "Eyebright conversation"), [".json"])
    source, _ = QFileDialog.getOpenFileName(
        parent, translate("Files", "Import conversation"), folder_for("conversations"), kind
    )
    if source:
        remember("conversations", source)
        exports.import_file(source)


def _file_name(title: str) -> str:
    """Return a title as a file name that is valid on every system."""
    name = "".join(" " if letter in _UNFIT_FOR_NAMES or not letter.isprintable() else letter for letter in title)
    return " ".join(name.split())[:_LONGEST_NAME].strip(" .…")
