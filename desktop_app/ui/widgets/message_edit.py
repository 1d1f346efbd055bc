"""A plain text field that grows with its text. Enter sends, Shift+Enter begins a line."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QInputMethodEvent,
    QKeyEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from desktop_app.file_addresses import is_local
from desktop_app.ui.files.mime import has_picture, is_only_picture, picture_bytes, urls_of
from desktop_app.ui.widgets.controls import ElidedLabel
from desktop_app.ui.widgets.keys import DELETE_LINE_START, is_asked_for, leaves_undo, turns_pages
from desktop_app.ui.widgets.long_text import MOST_LINES_WRITTEN, MOST_WRITTEN, wrap_mode
from desktop_app.ui.widgets.plain_text import between
from desktop_app.ui.widgets.theme import theme

MOST_LINES = 8
_LEAST_LINES = 2  # in sight where there is little room
_ANY_HEIGHT = (1 << 24) - 1  # px, Qt's largest


class MessageEdit(QTextEdit):
    """From one line to `MOST_LINES`, then it scrolls.

    `submitted`: Enter. `cancelled`: Esc. `files_pasted(list[str])`: addresses of files.
    `picture_pasted(bytes)`: a picture as a file holds it. `focus_changed(bool)`.
    `too_long(int, int)`: so many characters and lines were to be inserted, which is more than a question can have.
    `up_in_empty`: the arrow key up was pressed where there are no words.
    """

    submitted = Signal()
    cancelled = Signal()
    files_pasted = Signal(list)
    picture_pasted = Signal(bytes)
    focus_changed = Signal(bool)
    too_long = Signal(int, int)
    up_in_empty = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_composing = False
        self._room = _ANY_HEIGHT
        # A label, since Qt's own placeholder is drawn above the cursor's line. It is not painted on the viewport:
        # viewport() makes PySide6 import all widget classes, which delays the window.
        self._placeholder = ElidedLabel("", "body", "muted", self)
        self._placeholder.setAlignment(Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignBottom)
        self._placeholder.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self._wrap_for("")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self._grow)
        self.textChanged.connect(self._show_placeholder)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def set_text(self, text: str) -> None:
        """Replace the text, with the cursor after it. It can be undone like typing."""
        self._wrap_for(text)
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.setTextCursor(cursor)

    def insert(self, text: str) -> None:
        """Write `text` at the cursor, unless the question would get longer than any can be."""
        document, lines = self.document(), text.count("\n") + 1
        is_long = document.characterCount() + len(text) > MOST_WRITTEN
        if is_long or document.blockCount() + lines - 1 > MOST_LINES_WRITTEN:
            self.too_long.emit(len(text), lines)
            return
        cursor = self.textCursor()
        before = self.toPlainText()
        kept = between(before, 0, cursor.selectionStart()), between(before, cursor.selectionEnd(), 2 * len(before))
        self._wrap_for(text.join(kept))
        cursor.insertText(text)
        self.ensureCursorVisible()

    def _wrap_for(self, text: str) -> None:
        """Break the lines as suits `text`, which is about to be the whole text."""
        mode = wrap_mode(text)
        if mode != self.wordWrapMode():
            self.setWordWrapMode(mode)

    def set_placeholder(self, text: str) -> None:
        """Set the text that an empty field shows."""
        self._placeholder.set_whole_text(text)
        self.setAccessibleDescription(text)

    def _show_placeholder(self) -> None:
        """Show the placeholder in an empty field, on the cursor's line."""
        is_empty = self.document().isEmpty() and not self._is_composing
        if is_empty:
            line = self.cursorRect()
            self._placeholder.setGeometry(0, line.top(), self.width(), line.height())
        self._placeholder.setVisible(is_empty)

    # ---- size ------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Ask for as many lines as there are."""
        return QSize(super().sizeHint().width(), self.wanted_height())

    def minimumSizeHint(self) -> QSize:
        """One line is enough."""
        return QSize(120, theme.line_height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Adapt the height: another width wraps the text differently."""
        super().resizeEvent(event)
        self._grow()

    def wanted_height(self) -> int:
        """Return how high it is where there is room, in px."""
        lines = ceil(self.document().size().height())
        return max(theme.line_height(), min(lines, MOST_LINES * theme.line_height()))

    def least_height(self) -> int:
        """Return how low it can be, in px."""
        return min(self.wanted_height(), _LEAST_LINES * theme.line_height())

    def room(self) -> int:
        """Return the height that it takes, in px."""
        return self.maximumHeight()

    def set_room(self, height: int) -> None:
        """Show no more lines than fit such a height."""
        line = theme.line_height()
        if height // line * line != self._room:
            self._room = height // line * line
            self._grow()
            self.ensureCursorVisible()

    def _grow(self) -> None:
        height = max(self.least_height(), min(self.wanted_height(), self._room))
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)
            self.updateGeometry()
        overflows = self.document().size().height() > height + 1
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAsNeeded if overflows else policy.ScrollBarAlwaysOff)
        self._show_placeholder()

    def _apply_theme(self) -> None:
        self.document().setDefaultFont(theme.font("body"))
        spacing = QTextBlockFormat()
        minimum = QTextBlockFormat.LineHeightTypes.MinimumHeight
        spacing.setLineHeight(theme.line_height(), minimum.value)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(spacing)
        if self.document().isEmpty():
            self.document().clearUndoRedoStacks()  # there is nothing to undo but the spacing
        self._grow()

    # ---- keys ------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Keep keys from the menu where there are words, or were: Ctrl+Shift+Backspace deletes some, Ctrl+Z undoes."""
        if event.type() != QEvent.Type.ShortcutOverride:
            return super().event(event)
        document = self.document()
        if is_asked_for(event, DELETE_LINE_START) and (document.isUndoAvailable() or not document.isEmpty()):
            event.accept()
            return True
        if leaves_undo(event, document.isUndoAvailable()):
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Send by Enter, unless an input method is still composing a word."""
        if event.keyCombination() == DELETE_LINE_START:
            self._delete_to_line_start()
            return
        if turns_pages(event) and self.document().isEmpty() and not self._is_composing:
            event.ignore()  # there is nothing to turn here: it is meant for the conversation
            return
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Up and self.document().isEmpty() and not self._is_composing:
            self.up_in_empty.emit()
        elif event.key() == Qt.Key.Key_Escape and not self._is_composing:
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

    def _delete_to_line_start(self) -> None:
        cursor = self.textCursor()
        if not cursor.hasSelection():
            cursor.movePosition(QTextCursor.MoveOperation.StartOfLine, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        self.ensureCursorVisible()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Note whether a word is being composed."""
        self._is_composing = bool(event.preeditString())
        super().inputMethodEvent(event)
        self._show_placeholder()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Emit `focus_changed`."""
        super().focusInEvent(event)
        self.focus_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Emit `focus_changed`."""
        super().focusOutEvent(event)
        self.focus_changed.emit(False)

    # ---- what comes from elsewhere ---------------------------------------------------------

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text, pictures and files can be pasted."""
        return source.hasText() or bool(urls_of(source)) or has_picture(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Take files, else text without formatting, else a picture.

        Spreadsheets offer a picture beside their text: then the text is meant. Browsers offer the address of the
        picture beside it: then the picture is.
        """
        urls = urls_of(source)
        if any(is_local(url) for url in urls):
            self.files_pasted.emit(urls)
        elif has_picture(source) and is_only_picture(source):
            self.picture_pasted.emit(picture_bytes(source))
        elif source.hasText() and source.text().strip():
            self.insert(source.text())
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
    return bool(urls_of(data)) or has_picture(data)
