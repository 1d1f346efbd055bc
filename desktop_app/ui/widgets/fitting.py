"""What lets windows fit small screens and large text: rows that wrap, and dialogs that scroll."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QLayout, QLayoutItem, QScrollArea, QVBoxLayout, QWidget

from desktop_app.ui.widgets.dialog import Dialog
from desktop_app.ui.widgets.theme import GRID, theme

_MOST = 0.9  # of the screen
_LEAST_WORDS = 160  # px at 100 %; a narrower column of words is hard to read


def fitted(window: QWidget, size: QSize) -> QSize:
    """Return a size for a window that leaves a margin on its screen."""
    screen = window.screen().availableGeometry().size() * _MOST
    return size.boundedTo(screen)


def lay_out_now(outer: QWidget, *inner: QWidget) -> None:
    """Let the layouts of these widgets know what has changed in them: by themselves they hear of it one by one."""
    for widget in (*inner, outer):
        layout = widget.layout()
        if layout is not None:
            layout.activate()


class _Items(QLayout):
    """A layout whose height follows from its width, and whose items are placed by `_arrange`."""

    def __init__(self) -> None:
        super().__init__()
        self._items: list[QLayoutItem] = []
        self.setSpacing(GRID)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        """Add an item at the end."""
        self._items.append(item)

    def add_layout(self, layout: QLayout) -> None:
        """Add a layout of other items at the end."""
        self.addChildLayout(layout)
        self.addItem(layout)

    def count(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return an item, None beyond the last."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Remove and return an item."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """It takes no more room than it needs."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """It is higher when it is narrower."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height that the items need."""
        return self._arrange(QRect(0, 0, width, 0), place=False)

    def minimumSize(self) -> QSize:
        """Return the size of the largest item: the others can stand above and below it."""
        size = QSize(0, 0)
        for item in self._shown():
            size = size.expandedTo(item.minimumSize())
        return size.grownBy(self.contentsMargins())

    def setGeometry(self, rect: QRect) -> None:
        """Place the items."""
        super().setGeometry(rect)
        self._arrange(rect, place=True)

    def sizeHint(self) -> QSize:
        """Ask for one row."""
        shown = self._shown()
        width = sum(item.sizeHint().width() for item in shown) + self.spacing() * max(0, len(shown) - 1)
        height = max((item.sizeHint().height() for item in shown), default=0)
        return QSize(width, height).grownBy(self.contentsMargins())

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _arrange(self, rect: QRect, *, place: bool) -> int:
        """Return the height that the items take in a width; `place`: move them there."""
        raise NotImplementedError


class WrappingRow(_Items):
    """Widgets side by side, in as many rows as they need."""

    def __init__(self, share: float = 0.0) -> None:
        """`share` of the room that is left stands before a row: 0 for rows on the left, 0.5 centred, 1 right."""
        super().__init__()
        self._share = share

    def _arrange(self, rect: QRect, *, place: bool) -> int:
        """Return the height that the rows take; `place`: move the widgets there."""
        whole, rect = rect, rect.marginsRemoved(self.contentsMargins())
        gap, y = self.spacing(), rect.top()
        for row in self._rows(rect.width()):
            sizes = [_size_within(item, rect.width()) for item in row]
            height = max(size.height() for size in sizes)
            used = sum(size.width() for size in sizes) + gap * (len(row) - 1)
            x = rect.left() + max(0, int((rect.width() - used) * self._share))
            for item, size in zip(row, sizes, strict=True):
                if place:
                    item.setGeometry(QRect(QPoint(x, y + (height - size.height()) // 2), size))
                x += size.width() + gap
            y += height + gap
        return max(0, y - gap - whole.top()) + self.contentsMargins().bottom()

    def _rows(self, width: int) -> list[list[QLayoutItem]]:
        rows: list[list[QLayoutItem]] = []
        used = 0
        for item in self._shown():
            wanted = item.sizeHint().width()
            if not rows or used + self.spacing() + wanted > width:
                rows.append([item])
                used = wanted
            else:
                rows[-1].append(item)
                used += self.spacing() + wanted
        return rows


class BesideOrBelow(_Items):
    """Words, and a control beside them; below them where that leaves too little room for the words."""

    def _arrange(self, rect: QRect, *, place: bool) -> int:
        words, *controls = self._shown()
        if not controls:
            height = _height(words, rect.width())
            if place:
                words.setGeometry(QRect(rect.topLeft(), QSize(rect.width(), max(height, rect.height()))))
            return height
        (control,) = controls
        size = control.sizeHint().boundedTo(QSize(rect.width(), 1 << 20))
        left = rect.width() - size.width() - self.spacing()
        if left >= theme.px(_LEAST_WORDS):
            height = max(_height(words, left), size.height())
            room = QRect(rect.topLeft(), QSize(left, max(height, rect.height())))
            corner = QPoint(room.right() + 1 + self.spacing(), room.top() + (room.height() - size.height()) // 2)
        else:
            above = _height(words, rect.width())
            size.setHeight(max(size.height(), _height(control, size.width())))
            height = above + GRID + size.height()
            room = QRect(rect.topLeft(), QSize(rect.width(), above))
            corner = QPoint(rect.left(), rect.top() + above + GRID)
        if place:
            words.setGeometry(room)
            control.setGeometry(QRect(corner, size))
        return height


def _size_within(item: QLayoutItem, width: int) -> QSize:
    """Return the size that an item asks for; where it is narrower, it may need more height."""
    size = item.sizeHint()
    if size.width() <= width:
        return size
    return QSize(width, max(size.height(), _height(item, width)))


def _height(item: QLayoutItem, width: int) -> int:
    return item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()


class FittedDialog(Dialog):
    """A dialog as wide as it is told, and as high as it needs, within its screen: there its `column` scrolls.

    The buttons in `row` stay in sight.
    """

    def __init__(self, title: str, width: int, parent: QWidget | None = None) -> None:
        """`width` in px at 100 % text size."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self._wanted = width
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 2 * GRID)
        outer.setSpacing(2 * GRID - 4)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        outer.addWidget(self._scroll, 1)
        self.page = QWidget(self._scroll)
        self.column = QVBoxLayout(self.page)
        self.column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 0)
        self.column.setSpacing(2 * GRID - 4)
        self._scroll.setWidget(self.page)
        self.row = WrappingRow(1.0)
        self.row.setContentsMargins(0, 0, 0, 0)
        held = QVBoxLayout()
        held.setContentsMargins(3 * GRID, 0, 3 * GRID, 0)
        held.addLayout(self.row)
        outer.addLayout(held)
        theme.changed.connect(self._fit)

    def showEvent(self, event: QShowEvent) -> None:
        """Take the size that the words need."""
        super().showEvent(event)
        self._fit()

    def _fit(self) -> None:
        for child in self.findChildren(QWidget):
            child.ensurePolished()  # before that its words are measured in another size
        width = fitted(self, QSize(theme.px(self._wanted), 0)).width()
        width = max(width, self.minimumSizeHint().width())
        room = width - 6 * GRID
        content = max(self.column.heightForWidth(width), self.column.minimumSize().height())
        height = content + self.row.heightForWidth(room) + 4 * GRID - 4
        self.resize(fitted(self, QSize(width, height)))
