"""The dialog that brings back deleted conversations and backups, and deletes conversations for good."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from desktop_app.services.history_thread import KEEP_DELETED_DAYS
from desktop_app.ui.protocols.conversation import Recovery
from desktop_app.ui.sentences import data_size, relative_date
from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.fitting import FittedDialog, WrappingRow
from desktop_app.ui.widgets.plain_text import one_line
from desktop_app.ui.widgets.question import Question
from desktop_app.ui.widgets.theme import GRID

_ID = Qt.ItemDataRole.UserRole


class RecoveryDialog(FittedDialog):
    """Two lists, each with what can be done with the row that is chosen."""

    def __init__(self, recovery: Recovery, parent: QWidget) -> None:
        title = QCoreApplication.translate("RecoveryDialog", "Deleted conversations and backups")
        super().__init__(title, 70 * GRID, parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._recovery = recovery
        self._build()
        self.deleted.currentRowChanged.connect(self._enable)
        self.backups.currentRowChanged.connect(self._enable)
        self.restore.clicked.connect(self._restore)
        self.deleted.itemActivated.connect(self.restore.click)
        self.backups.itemActivated.connect(self.restore_backup.click)
        self.delete_now.clicked.connect(self._delete_now)
        self.delete_all.clicked.connect(self._delete_all)
        self.restore_backup.clicked.connect(self._restore_backup)
        recovery.changed.connect(self._show)
        self._show()
        recovery.refresh()

    def _build(self) -> None:
        column = self.column
        column.setSpacing(GRID)
        # In the order in which they stand, which is the order of Tab.
        self.first = self.deleted = self._list(self.tr("Deleted conversations"))
        self.delete_all = push_button(self.tr("Delete all now…"), "plain", self)
        self.delete_now = push_button(self.tr("Delete now…"), "plain", self)
        self.restore = push_button(self.tr("Restore"), "primary", self)
        self.backups = self._list(self.tr("Backups"))
        self.restore_backup = push_button(self.tr("Restore the backup"), "primary", self)
        kept = self.tr("A deleted conversation stays here for {days} days. Then it is deleted for good.")
        column.addWidget(Label(self.deleted.accessibleName(), "title", parent=self, wrap=True))
        column.addWidget(Label(kept.format(days=KEEP_DELETED_DAYS), "small", "muted", self, wrap=True))
        column.addWidget(self.deleted, 3)
        buttons = WrappingRow(1.0)
        for button in (self.delete_all, self.delete_now, self.restore):
            buttons.addWidget(button)
        column.addLayout(buttons)
        column.addSpacing(GRID)
        column.addWidget(Label(self.backups.accessibleName(), "title", parent=self, wrap=True))
        daily = self.tr(
            "All conversations are copied once on each day that you use Eyebright, and the last seven copies are kept. "
            "Restoring one brings back what is missing. It changes nothing of what is there now."
        )
        column.addWidget(Label(daily, "small", "muted", self, wrap=True))
        column.addWidget(self.backups, 2)
        close = push_button(self.tr("Close"), "plain", self)
        close.clicked.connect(self.close)
        below = WrappingRow(1.0)
        below.addWidget(self.restore_backup)
        column.addLayout(below)
        self.row.addWidget(close)

    def _list(self, name: str) -> QListWidget:
        rows = QListWidget(self)
        rows.setObjectName("rows")
        rows.setAccessibleName(name)
        rows.setMinimumHeight(8 * GRID)
        rows.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return rows

    def _show(self) -> None:
        deleted = [
            (one.summary.id, self._named(one.summary.title, relative_date(one.deleted)))
            for one in self._recovery.deleted()
        ]
        backups = [(str(one.path), self._named(_day(one.day), data_size(one.size))) for one in self._recovery.backups()]
        _fill(self.deleted, deleted, self.tr("No conversation was deleted."))
        _fill(self.backups, backups, self.tr("There is no backup yet."))
        self._enable()

    def _named(self, name: str, more: str) -> str:
        return self.tr("{name}   {more}").format(name=one_line(name) or self.tr("Untitled"), more=more)

    def _enable(self) -> None:
        chosen = bool(_chosen(self.deleted))
        self.restore.setEnabled(chosen)
        self.delete_now.setEnabled(chosen)
        self.delete_all.setEnabled(bool(self._recovery.deleted()))
        self.restore_backup.setEnabled(bool(_chosen(self.backups)))

    def _restore(self) -> None:
        self._recovery.undelete(_chosen(self.deleted))

    def _restore_backup(self) -> None:
        backup = next((one for one in self._recovery.backups() if str(one.path) == _chosen(self.backups)), None)
        if backup is not None:
            self._recovery.restore(backup)

    def _delete_now(self) -> None:
        self._ask_and_delete(
            self.tr("Delete this conversation for good?"),
            self.tr("It is also removed from the backups and all copies, with the pictures that no other shows."),
            [_chosen(self.deleted)],
        )

    def _delete_all(self) -> None:
        self._ask_and_delete(
            self.tr("Delete these conversations for good?"),
            self.tr("They are also removed from the backups and all copies, with the pictures that no other shows."),
            [one.summary.id for one in self._recovery.deleted()],
        )

    def _ask_and_delete(self, title: str, text: str, conversations: list[str]) -> None:
        question = Question(title, text, self.tr("Delete now"), self.tr("Cancel"), self)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.accepted.connect(lambda: self._recovery.delete_now(*conversations))
        question.open()


def _fill(rows: QListWidget, entries: list[tuple[str, str]], nothing: str) -> None:
    chosen, row = _chosen(rows), max(0, rows.currentRow())
    rows.clear()
    for key, text in entries:
        item = QListWidgetItem(text, rows)
        item.setData(_ID, key)
    if not entries:
        QListWidgetItem(nothing, rows).setFlags(Qt.ItemFlag.NoItemFlags)
    keys = [key for key, _ in entries]
    rows.setCurrentRow(keys.index(chosen) if chosen in keys else min(row, len(entries) - 1))


def _chosen(rows: QListWidget) -> str:
    return str(rows.currentItem().data(_ID) or "") if rows.currentRow() >= 0 else ""


def _day(seconds: float) -> str:
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)).date(), QLocale.FormatType.LongFormat)
