"""The list of conversations in the sidebar: Qt model, delegate and view."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetrics,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QPixmap,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop_app.chat.conversation import ConversationSummary
from desktop_app.services.conversation.queue.activity import Mark
from desktop_app.ui.protocols.conversation import Activity, Previews
from desktop_app.ui.sentences import relative_date
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.activity_mark import ActivityMark
from desktop_app.ui.widgets.images import paint_edge, rounded, shape_in
from desktop_app.ui.widgets.keys import RENAME, is_asked_for
from desktop_app.ui.widgets.plain_text import shortened, wrapped_tip
from desktop_app.ui.widgets.theme import GRID, RADIUS_SMALL, theme

Index = QModelIndex | QPersistentModelIndex
SUMMARY = Qt.ItemDataRole.UserRole
PICTURE = Qt.ItemDataRole.UserRole + 1
OPENED = Qt.ItemDataRole.UserRole + 2
MARK = Qt.ItemDataRole.UserRole + 3
_NOWHERE = QModelIndex()
_TILE = 36  # px
_MORE = 28  # px
_LONGEST_TITLE = 300


class ConversationModel(QAbstractListModel):
    """The conversations as rows. `renamed(id, title)` when a row was edited."""

    renamed = Signal(str, str)

    def __init__(self, previews: Previews, activity: Activity, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._previews = previews
        self._activity = activity
        self._rows: list[ConversationSummary] = []
        self._opened = ""
        self._tile = lru_cache(maxsize=256)(self._load_tile)
        previews.ready.connect(self._picture_ready)
        activity.changed.connect(self._activity_changed)

    def set_rows(self, rows: list[ConversationSummary]) -> None:
        """Change the rows to `rows` by removing, moving and inserting, so that the view keeps its position."""
        wanted = {row.id for row in rows}
        there = {row.id for row in self._rows}
        if not wanted & there:  # nothing stays, so there is no place to keep
            self.beginResetModel()
            self._rows = list(rows)
            self.endResetModel()
            return
        for index in reversed(range(len(self._rows))):
            if self._rows[index].id not in wanted:
                self.beginRemoveRows(_NOWHERE, index, index)
                del self._rows[index]
                self.endRemoveRows()
        for index, row in enumerate(rows):
            if row.id not in there:
                self.beginInsertRows(_NOWHERE, index, index)
                self._rows.insert(index, row)
                self.endInsertRows()
                continue
            if self._rows[index].id != row.id:
                self._move_up(row.id, index)
            if self._rows[index] != row:
                self._rows[index] = row
                self.dataChanged.emit(self.index(index), self.index(index))

    def _move_up(self, conversation_id: str, index: int) -> None:
        source = next(i for i in range(index, len(self._rows)) if self._rows[i].id == conversation_id)
        self.beginMoveRows(_NOWHERE, source, source, _NOWHERE, index)
        self._rows.insert(index, self._rows.pop(source))
        self.endMoveRows()

    def set_opened(self, conversation_id: str) -> None:
        """Mark the conversation that is open."""
        for known in (self._opened, conversation_id):
            index = self.index_of(known)
            self._opened = conversation_id
            if index.isValid():
                self.dataChanged.emit(index, index)

    def written(self) -> QModelIndex:
        """Return the row of the conversation that is being answered, or an invalid index."""
        return self.index_of(self._activity.being_written())

    def index_of(self, conversation_id: str) -> QModelIndex:
        """Return the row of a conversation, or an invalid index."""
        row = next((i for i, summary in enumerate(self._rows) if summary.id == conversation_id), -1)
        return self.index(row) if row >= 0 else QModelIndex()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many conversations there are."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a row shows."""
        if not index.isValid():
            return None
        summary = self._rows[index.row()]
        title = shortened(summary.title) or self.tr("Untitled")
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        if role == Qt.ItemDataRole.ToolTipRole:
            return wrapped_tip(title)
        if role == Qt.ItemDataRole.EditRole:
            return summary.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            what = self._mark_text(self._activity.mark(summary.id)) or relative_date(summary.updated)
            return self.tr("{title}, {date}").format(title=title, date=what)
        if role == SUMMARY:
            return summary
        if role == PICTURE:
            return self._tile(summary.picture, icons.side(_TILE)) if summary.picture else None
        if role == OPENED:
            return summary.id == self._opened
        if role == MARK:
            return self._activity.mark(summary.id)
        return None

    def _mark_text(self, mark: Mark) -> str:
        if mark == "writing":
            return self.tr("its answer is being written")
        if mark == "waiting":
            return self.tr("a question waits")
        if mark == "broken":
            return self.tr("its answer was not finished")
        return self.tr("has a new answer") if mark == "unseen" else ""

    def _activity_changed(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1), [MARK])

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take a new title; an empty one changes nothing."""
        title = " ".join(str(value).split())
        summary = self._rows[index.row()]
        if role != Qt.ItemDataRole.EditRole or not title or title == summary.title:
            return False
        self.renamed.emit(summary.id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Rows can be chosen and renamed."""
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable if index.isValid() else Qt.ItemFlag.NoItemFlags

    def _picture_ready(self, sha256: str) -> None:
        self._tile.cache_clear()
        for row, summary in enumerate(self._rows):
            if summary.picture == sha256:
                self.dataChanged.emit(self.index(row), self.index(row))

    def _load_tile(self, sha256: str, side: int) -> QPixmap | None:
        data = self._previews.thumbnail(sha256)
        picture = QPixmap()
        # Our own PNG, made by the engine from the pixels it decoded.
        if data is None or not picture.loadFromData(data, "PNG"):
            self._previews.request(sha256)
            return None
        ratio = 2.0
        size = shape_in(picture.width(), picture.height(), QSize(side, side)) * ratio
        smooth = Qt.TransformationMode.SmoothTransformation
        small = picture.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth).toImage()
        return QPixmap.fromImage(rounded(small, ratio, RADIUS_SMALL // 2))


class ConversationDelegate(QStyledItemDelegate):
    """Paints a conversation: its picture, its title, its date or the text that a search found, and its mark."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.marks = ActivityMark(self)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of two lines or of the picture, whichever is more."""
        lines = QFontMetrics(theme.font("small")).height() + QFontMetrics(theme.font("tiny")).height()
        return QSize(0, max(icons.side(_TILE), lines + 2) + 2 * GRID)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        rect: QRect = option.rect.adjusted(0, 1, 0, -1)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if index.data(OPENED):
            painter.setBrush(theme.colour("selected"))
            painter.drawRoundedRect(rect, RADIUS_SMALL, RADIUS_SMALL)
        elif hovered:
            painter.setBrush(theme.colour("hover"))
            painter.drawRoundedRect(rect, RADIUS_SMALL, RADIUS_SMALL)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), RADIUS_SMALL, RADIUS_SMALL)
        self._paint_tile(painter, rect, index)
        words = self.words_rect(option.rect, hovered)
        if mark := index.data(MARK):
            self.marks.paint(painter, mark, self.marks.rect(words))
            words.setRight(self.marks.rect(words).left() - GRID // 2)
        self._paint_words(painter, words, index)
        if hovered:
            icons.paint(
                painter, "more", theme.colour("muted"), QRectF(self.more_rect(option.rect)).adjusted(4, 4, -4, -4)
            )
        painter.restore()

    def words_rect(self, row: QRect, with_menu: bool) -> QRect:
        """Return where title and date of a row stand."""
        return row.adjusted(GRID + icons.side(_TILE) + 10, GRID, -(icons.side(_MORE) if with_menu else GRID), -GRID)

    def more_rect(self, row: QRect) -> QRect:
        """Return where the three dots of a hovered row stand."""
        more = icons.side(_MORE)
        return QRect(row.right() - more, row.center().y() - more // 2, more, more)

    def _paint_tile(self, painter: QPainter, rect: QRect, index: Index) -> None:
        side = icons.side(_TILE)
        tile = QRect(rect.left() + GRID, rect.center().y() - side // 2 + 1, side, side)
        picture = index.data(PICTURE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("pressed"))
        painter.drawRoundedRect(tile, RADIUS_SMALL, RADIUS_SMALL)
        if isinstance(picture, QPixmap):
            place = QRect(QPoint(0, 0), picture.deviceIndependentSize().toSize())
            place.moveCenter(tile.center())
            painter.drawPixmap(place, picture)
            paint_edge(painter, QRectF(place), RADIUS_SMALL // 2)
            return
        painter.setPen(theme.colour("text"))
        painter.setFont(theme.font("strong"))
        painter.drawText(tile, Qt.AlignmentFlag.AlignCenter, str(index.data())[:1].upper())

    def _paint_words(self, painter: QPainter, rect: QRect, index: Index) -> None:
        summary: ConversationSummary = index.data(SUMMARY)
        end = Qt.TextElideMode.ElideRight
        for role, tone, text, side in (
            ("small", "text", str(index.data()), Qt.AlignmentFlag.AlignTop),
            ("tiny", "muted", self._second_line(summary), Qt.AlignmentFlag.AlignBottom),
        ):
            font = theme.font("small" if role == "small" else "tiny")
            painter.setFont(font)
            painter.setPen(theme.colour("text" if tone == "text" else "muted"))
            line = " ".join(text.split())
            painter.drawText(
                rect,
                int(side | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine),
                QFontMetrics(font).elidedText(line, end, rect.width()),
            )

    def _second_line(self, summary: ConversationSummary) -> str:
        return summary.snippet or relative_date(summary.updated)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        """Rename in place."""
        editor = QLineEdit(parent)
        editor.setProperty("kind", "inline")
        editor.setMaxLength(_LONGEST_TITLE)
        editor.setAutoFillBackground(True)
        editor.setAccessibleName(self.tr("Title of conversation"))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Put the title into the editor and select it."""
        if isinstance(editor, QLineEdit) and not editor.isModified():
            editor.setText(index.data(Qt.ItemDataRole.EditRole))
            editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        """Give the title to the model."""
        if isinstance(editor, QLineEdit):
            model.setData(index, editor.text())

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        """Put the editor over the words."""
        words = self.words_rect(option.rect, False)
        editor.setGeometry(words.adjusted(-6, -2, 4, 2))


class ConversationView(QListView):
    """The list itself. `chosen(id)` by a click or Enter; `menu_wanted(id, global position)`; `delete_wanted(id)`."""

    chosen = Signal(str)
    menu_wanted = Signal(str, QPoint)
    delete_wanted = Signal(str)

    def __init__(self, model: ConversationModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._list = model
        self.setModel(model)
        self._rows = ConversationDelegate(self)
        self.setItemDelegate(self._rows)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setAccessibleName(self.tr("Conversations"))
        theme.changed.connect(self.scheduleDelayedItemsLayout)
        self._written = QPersistentModelIndex()  # the row of the conversation that is being answered
        self._opened = ""
        self._follows = False  # the keyboard goes to the row of the open conversation as soon as there is one
        self._rows.marks.moved.connect(self._repaint_marks)
        model.dataChanged.connect(self._marks_changed)

    def show_rows(self, rows: list[ConversationSummary], opened: str) -> None:
        """List other conversations; `opened` is the one on the page."""
        had_row = self._list.index_of(opened).isValid()
        self._list.set_rows(rows)
        self._list.set_opened(opened)
        if opened != self._opened or not (had_row or self.hasFocus()):  # it was asked about, copied, or found again
            self._opened, self._follows = opened, True
        self._follow()
        self._marks_changed()

    def show_opened(self, conversation_id: str) -> None:
        """Mark the open conversation, scroll to it, and put the keyboard on it; on nothing while it has no row."""
        self._list.set_opened(conversation_id)
        self._opened, self._follows = conversation_id, True
        self.setCurrentIndex(QModelIndex())  # no key is meant for the one before
        self._follow()

    def _follow(self) -> None:
        index = self._list.index_of(self._opened)
        if self._follows and index.isValid():
            self._follows = False
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def _marks_changed(self, *_which: object) -> None:
        self._written = QPersistentModelIndex(self._list.written())  # looked for once, not with each movement
        self._rows.marks.set_moving(self.isVisible() and self._written.isValid())

    def _repaint_marks(self) -> None:
        self.viewport().update(self.visualRect(self._written))

    def showEvent(self, event: QShowEvent) -> None:
        """Move the mark of what is being written while it is seen."""
        super().showEvent(event)
        self._marks_changed()

    def hideEvent(self, event: QHideEvent) -> None:
        """Move nothing that is not seen."""
        super().hideEvent(event)
        self._marks_changed()

    def rename(self, conversation_id: str) -> None:
        """Edit the title of a conversation in place."""
        index = self._list.index_of(conversation_id)
        if index.isValid():
            self.setCurrentIndex(index)
            self.edit(index)

    def summary_at(self, index: QModelIndex) -> ConversationSummary | None:
        """Return the conversation of a row."""
        return index.data(SUMMARY) if index.isValid() else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open the row that is clicked, or its menu at the three dots."""
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        summary = self.summary_at(index)
        if summary is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._rows.more_rect(self.visualRect(index)).contains(event.position().toPoint()):
            self.menu_wanted.emit(summary.id, event.globalPosition().toPoint())
        else:
            self.chosen.emit(summary.id)

    def event(self, event: QEvent) -> bool:
        """Keep F2 from the menu: here it renames the row of the keyboard, not the open conversation."""
        if is_asked_for(event, RENAME) and self.currentIndex().isValid():
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Del deletes; F2 is known to the view already."""
        summary = self.summary_at(self.currentIndex())
        editing = self.state() == QAbstractItemView.State.EditingState
        if summary is not None and not editing and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(summary.id)
        elif summary is not None and not editing and event.key() == Qt.Key.Key_Delete:
            self.delete_wanted.emit(summary.id)
        elif event.text().strip() and event.text().isprintable():
            event.ignore()  # it is written into the question
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Open the menu of the row under the pointer, or of the current one for the menu key."""
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if by_mouse else self.currentIndex()
        summary = self.summary_at(index)
        if summary is not None:
            where = event.globalPos() if by_mouse else self.viewport().mapToGlobal(self.visualRect(index).center())
            self.menu_wanted.emit(summary.id, where)

    def focusInEvent(self, event: Any) -> None:
        """Make the first row current if none is, so that the keys have an effect."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model() is not None and self.model().rowCount() > 0:
            self.setCurrentIndex(self.model().index(0, 0))

    def changeEvent(self, event: QEvent) -> None:
        """Lay out the rows again in another font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.scheduleDelayedItemsLayout()
