"""A plain text field that grows with its text. Enter sends, Shift+Enter begins a line."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QInputMethodEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from desktop_app.ui.mime import has_picture, picture_bytes, urls_of
from desktop_app.ui.theme import theme

MOST_LINES = 8


class GrowingEditor(QTextEdit):
    """From one line to `MOST_LINES`, then it scrolls.

    `submitted`: Enter. `cancelled`: Esc. `files_pasted(list[str])`: addresses of files.
    `picture_pasted(bytes)`: a picture as a file holds it. `focus_changed(bool)`.
    """

    submitted = Signal()
    cancelled = Signal()
    files_pasted = Signal(list)
    picture_pasted = Signal(bytes)
    focus_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_composing = False
        self._invitation = ""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self._grow)
        theme.changed.connect(self._dress)
        self._dress()

    def set_text(self, text: str) -> None:
        """Put other text in, the cursor behind it. It can be undone like typing."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.setTextCursor(cursor)

    def set_invitation(self, text: str) -> None:
        """Say in an empty field what to write. Qt's own placeholder stands above the cursor's line."""
        self._invitation = text
        self.setAccessibleDescription(text)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the words, or the invitation on the cursor's line."""
        if self._invitation and not self._is_composing and self.document().isEmpty():
            painter = QPainter(self.viewport())
            painter.setFont(theme.font("body"))
            painter.setPen(theme.colour("muted"))
            line = self.cursorRect()
            line.setRect(0, line.top(), self.viewport().width(), line.height())
            metrics = painter.fontMetrics()
            shown = metrics.elidedText(self._invitation, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, int(Qt.AlignmentFlag.AlignBottom), shown)
            painter.end()
        super().paintEvent(event)

    # ---- size ------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Ask for as many lines as there are."""
        return QSize(super().sizeHint().width(), self._wanted_height())

    def minimumSizeHint(self) -> QSize:
        """One line is enough."""
        return QSize(120, theme.line_height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width wraps the text elsewhere."""
        super().resizeEvent(event)
        self._grow()

    def _wanted_height(self) -> int:
        lines = ceil(self.document().size().height())
        return max(theme.line_height(), min(lines, MOST_LINES * theme.line_height()))

    def _grow(self) -> None:
        height = self._wanted_height()
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)
            self.updateGeometry()
        overflows = self.document().size().height() > height + 1
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAsNeeded if overflows else policy.ScrollBarAlwaysOff)

    def _dress(self) -> None:
        self.document().setDefaultFont(theme.font("body"))
        spacing = QTextBlockFormat()
        minimum = QTextBlockFormat.LineHeightTypes.MinimumHeight
        spacing.setLineHeight(theme.line_height(), minimum.value)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(spacing)
        self._grow()

    # ---- keys ------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Send by Enter, unless an input method is still composing a word."""
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape and not self._is_composing:
            self.cancelled.emit()
        elif not is_enter:
            super().keyPressEvent(event)
        elif self._is_composing:
            event.accept()  # meant for the input method: neither sent nor a new line
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            # Qt would insert a line separator, which copies and counts as another character.
            self.textCursor().insertBlock()
            self.ensureCursorVisible()
        elif not event.isAutoRepeat():
            self.submitted.emit()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Note whether a word is being composed."""
        self._is_composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Tell the card around."""
        super().focusInEvent(event)
        self.focus_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Tell the card around."""
        super().focusOutEvent(event)
        self.focus_changed.emit(False)

    # ---- what comes from elsewhere ---------------------------------------------------------

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text, pictures and files can be pasted."""
        return source.hasText() or source.hasUrls() or has_picture(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Take files, else text without its looks, else a picture.

        Spreadsheets offer a picture beside their text: then the text is meant.
        """
        if any(url.isLocalFile() for url in source.urls()):
            self.files_pasted.emit(urls_of(source))
        elif source.hasText() and source.text().strip():
            self.textCursor().insertText(source.text())
            self.ensureCursorVisible()
        elif has_picture(source):
            self.picture_pasted.emit(picture_bytes(source))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Leave files and pictures to the window."""
        if _is_for_the_window(event.mimeData()):
            event.ignore()
        else:
            super().dragEnterEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Leave files and pictures to the window."""
        if _is_for_the_window(event.mimeData()):
            event.ignore()
        else:
            super().dragMoveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Leave files and pictures to the window."""
        if _is_for_the_window(event.mimeData()):
            event.ignore()
        else:
            super().dropEvent(event)


def _is_for_the_window(data: QMimeData) -> bool:
    return data.hasUrls() or has_picture(data)
