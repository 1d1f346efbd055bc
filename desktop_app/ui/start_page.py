"""The start page of a new conversation: a drop area for pictures, and three examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop_app.engine.messages import ModelInfo
from desktop_app.services.examples import EXAMPLES, Example
from desktop_app.ui.sentences import engine_words
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import ElidedLabel, EnterClicks, FloatingButton, Label, push_button
from desktop_app.ui.widgets.fitting import BesideOrBelow, WrappingRow
from desktop_app.ui.widgets.plain_text import set_tip
from desktop_app.ui.widgets.theme import COLUMN, GRID, RADIUS, theme

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.protocols.engine import Engine

_PICTURE = 72  # px at 100 % text size, like all sizes of pictures here
_SMALL_PICTURE = 40  # where there is little room
_HIGH = 250  # px; the drop target where there is room
_FLOWERS = (84, 40, 0)  # on the drop target: with room, with less of it, with least
_NARROW = 520  # px; below it the page has almost no margin
#: How low the drop area is, and whether the examples have small pictures: from much room to little.
_ARRANGEMENTS = ((0, False), (1, False), (1, True), (2, True))


class ExampleCard(EnterClicks, QAbstractButton):
    """One of our own pictures and a question about it; a click asks."""

    def __init__(self, example: Example, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = str(example.picture)
        self.question = question = example.question
        self._pixmap = QPixmap(str(example.thumbnail))
        self._size = _PICTURE
        self.setAccessibleName(self.tr("Ask about an example picture: {question}").format(question=question))
        set_tip(self, question)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.updateGeometry)

    def set_small(self, small: bool) -> None:
        """Show a smaller picture, where there is little room."""
        size = _SMALL_PICTURE if small else _PICTURE
        if size != self._size:
            self._size = size
            self.updateGeometry()
            self.update()

    def _words_left(self) -> int:
        """Return how many px the question stands from the left edge."""
        return icons.side(self._size) + 2 * GRID + 4

    def sizeHint(self) -> QSize:
        """Return room for the picture and a short question."""
        width = self._words_left() + theme.px(128)
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return room for the picture and the longest word."""
        metrics = QFontMetrics(theme.font("small"))
        longest = max(metrics.horizontalAdvance(word) for word in self.question.split())
        return QSize(self._words_left() + longest + GRID + 2, icons.side(self._size) + 2 * GRID)

    def hasHeightForWidth(self) -> bool:
        """The card is higher when it is narrower."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height that all words of the question need."""
        room = QRect(0, 0, max(40, width - self._words_left() - GRID), 10_000)
        words = QFontMetrics(theme.font("small")).boundingRect(room, int(Qt.TextFlag.TextWordWrap), self.question)
        return max(icons.side(self._size), words.height()) + 2 * GRID

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint picture and question on a card."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        card = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        ringed = self.hasFocus()
        painter.setPen(QPen(theme.colour("accent" if ringed else "line"), 2 if ringed else 1))
        painter.setBrush(theme.colour("hover" if self.underMouse() or self.isDown() else "raised"))
        painter.drawRoundedRect(card, RADIUS, RADIUS)
        side = icons.side(self._size)
        size = self._pixmap.size().scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio)
        picture = QRect(QPoint(0, 0), size)
        picture.moveCenter(QPoint(GRID + side // 2, self.height() // 2))
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(picture), RADIUS - 4, RADIUS - 4)
        painter.setClipPath(clip)
        painter.drawPixmap(picture, self._pixmap)
        painter.setClipping(False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(theme.colour("line"))
        painter.drawRoundedRect(QRectF(picture).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS - 4, RADIUS - 4)
        painter.setPen(theme.colour("text"))
        painter.setFont(theme.font("small"))
        words = self.rect().adjusted(self._words_left(), GRID, -GRID, -GRID)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap), self.question)


class DropPlace(QFrame):
    """The drop area. `choose_wanted()`: choose a picture in the file dialog instead.

    Where the model cannot see pictures it says so. `projector_wanted()`: add what it lacks.
    """

    choose_wanted = Signal()
    projector_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = self._column = QVBoxLayout(self)
        column.addStretch(1)
        self._flower = QLabel(self)
        self._flower.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._flower)
        self.title = Label("", "display", parent=self, wrap=True)
        self.title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.title)
        self.why = Label(
            self.tr("Its projector (mmproj) is missing. With it, or with another model, you can ask about pictures."),
            "body",
            "muted",
            self,
            wrap=True,
        )
        self.why.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.why)
        row = WrappingRow(0.5)
        row.setSpacing(0)
        self.choose = push_button(self.tr("Attach pictures…"), "link", self)
        self.choose.setObjectName("choose_picture")
        self.choose.clicked.connect(self.choose_wanted)
        self.add_projector = push_button(self.tr("Add its projector…"), "link", self)
        self.add_projector.clicked.connect(self.projector_wanted)
        self._or_paste = Label(self.tr("or paste one"), "body", "muted", self)
        for widget in (self.choose, self._or_paste, self.add_projector):
            row.addWidget(widget)
        column.addLayout(row)
        column.addStretch(1)
        self._lowness = 0
        self.set_blind("")
        theme.changed.connect(self._fit)
        self._fit()

    def set_blind(self, model: str) -> None:
        """Say that the model of this name cannot see pictures; "": it can."""
        self.title.setText(
            self.tr("{model} cannot see pictures").format(model=model) if model else self.tr("Drop a picture here")
        )
        for widget in (self.why, self.add_projector):
            widget.setVisible(bool(model))
        for widget in (self.choose, self._or_paste):
            widget.setVisible(not model)

    def set_lowness(self, lowness: int) -> None:
        """Use less height in a low window: 0 all that is wanted, 2 the least."""
        if lowness != self._lowness:
            self._lowness = lowness
            self._fit()

    def _fit(self) -> None:
        flower = _FLOWERS[self._lowness]
        self._flower.setVisible(bool(flower))
        if flower:
            self._flower.setPixmap(icons.flower(flower))
        margin = GRID if self._lowness else 2 * GRID
        self._column.setContentsMargins(margin, margin, margin, margin)
        self._column.setSpacing(margin // 2)
        self.setMinimumHeight(0 if self._lowness else _HIGH)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the dashed outline."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = theme.colour("edge")
        outline.setAlphaF(0.6)
        pen = QPen(outline, 1.5)
        pen.setDashPattern([4, 4])
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS * 1.6, RADIUS * 1.6)


class StartPage(QScrollArea):
    """Drop area, examples and model.

    `example_chosen(picture, question)`, `choose_wanted()`, `projector_wanted()`, `model_wanted()`.
    """

    example_chosen = Signal(str, str)
    choose_wanted = Signal()
    projector_wanted = Signal()
    model_wanted = Signal()

    def __init__(self, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        page = self._page = QWidget(self)
        page.setAutoFillBackground(False)
        self.setWidget(page)
        outer = self._outer = QHBoxLayout(page)
        outer.setContentsMargins(3 * GRID, GRID, 3 * GRID, GRID)
        outer.addStretch(1)
        inner = QVBoxLayout()
        inner.setSpacing(GRID)
        outer.addLayout(inner, 1000)
        outer.addStretch(1)
        holder = self._holder = QWidget(page)
        holder.setMaximumWidth(COLUMN)
        inner.addWidget(holder)
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addStretch(2)
        self.place = DropPlace(holder)
        self.place.choose_wanted.connect(self.choose_wanted)
        self.place.projector_wanted.connect(self.projector_wanted)
        column.addWidget(self.place)
        self._offers = QVBoxLayout()
        column.addLayout(self._offers)
        column.addSpacing(2 * GRID)
        self.cards = [ExampleCard(example, holder) for example in EXAMPLES]
        self._or_try = Label(self.tr("Or try one of these"), "small", "muted", holder)
        column.addWidget(self._or_try)
        self._grid = QGridLayout()
        self._grid.setSpacing(12)
        column.addLayout(self._grid)
        for card in self.cards:
            card.clicked.connect(self._clicked)
        column.addStretch(3)
        column.addLayout(self._model_row(holder))
        self._fitted: object = None  # what the present arrangement was made for
        self.more = FloatingButton("down", self.tr("Show more"), self)
        self.more.clicked.connect(self._scroll_on)
        self.more.hide()
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._show_more)
        bar.valueChanged.connect(self._show_more)
        theme.changed.connect(self._fit)
        self._apply(*_ARRANGEMENTS[0])
        engine.state_changed.connect(self._show_model)
        engine.model_changed.connect(self._show_model)
        self._show_model()

    def _model_row(self, parent: QWidget) -> BesideOrBelow:
        row = BesideOrBelow()
        row.setSpacing(0)
        self.model = ElidedLabel("", "small", "muted", parent)
        row.addWidget(self.model)
        buttons = WrappingRow()
        buttons.setSpacing(0)
        self.again = push_button(self.tr("Try again"), "link", parent)
        self.again.clicked.connect(self._engine.load_again)
        buttons.addWidget(self.again)
        self.model_button = push_button(self.tr("Use another model…"), "link", parent)
        self.model_button.clicked.connect(self.model_wanted)
        buttons.addWidget(self.model_button)
        row.add_layout(buttons)
        return row

    def set_offer(self, offer: QWidget) -> None:
        """Show the offer of another model below the drop area, where the eye is."""
        self._offers.addWidget(offer)

    def _clicked(self) -> None:
        card = self.sender()
        if isinstance(card, ExampleCard):
            self.example_chosen.emit(card.picture, card.question)

    def _show_model(self, _change: ModelInfo | str | None = None) -> None:
        info = self._engine.info()
        if info is None:
            text = engine_words(self._engine)
        elif info.is_demo:
            text = self.tr("The built-in demonstration model knows simple drawings, not photographs.")
        else:
            text = self.tr("{model} runs on this computer.").format(model=info.name)
        self.model.set_whole_text(text)
        self.again.setVisible(self._engine.state() in ("failed", "dead"))
        is_blind = info is not None and not info.sees
        self.place.set_blind(info.name if info is not None and is_blind else "")
        for widget in (self._or_try, *self.cards):  # the examples are pictures
            widget.setVisible(not is_blind)
        self._fitted = None
        self._fit()

    def _apply(self, lowness: int, small: bool) -> None:
        """Arrange the page: how low the drop area is, and whether the examples have small pictures."""
        self.place.set_lowness(lowness)
        for card in self.cards:
            card.set_small(small)
        gaps = (len(self.cards) - 1) * self._grid.spacing()
        in_a_row = sum(card.minimumSizeHint().width() for card in self.cards) + gaps <= self._width()
        columns = len(self.cards) if in_a_row else 1
        for index, card in enumerate(self.cards):
            self._grid.addWidget(card, index // columns, index % columns)
        for column in range(len(self.cards)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def _width(self) -> int:
        """Return how wide what is on the page can be."""
        return min(COLUMN, self.maximumViewportSize().width() - 2 * self._side())

    def _side(self) -> int:
        return GRID // 2 if self.maximumViewportSize().width() < _NARROW else 3 * GRID

    def _fit(self) -> None:
        """Take the roomiest arrangement that fits, or the tightest if none does."""
        room = self.maximumViewportSize()
        offers = self._offers.heightForWidth(self._width()) if self._offers.hasHeightForWidth() else 0
        wanted = (room, theme.zoom(), offers)
        if not self.isVisible() or wanted == self._fitted:
            return
        self._fitted = wanted
        self._outer.setContentsMargins(self._side(), GRID, self._side(), GRID)
        column = self._holder.layout()
        for lowness, small in _ARRANGEMENTS:
            self._apply(lowness, small)
            if column is None:
                continue
            column.activate()
            if column.heightForWidth(self._width()) + 2 * GRID <= room.height():
                break
        # Take the new height now: the layouts would do it one after the other, each seen for a moment.
        self._holder.updateGeometry()
        self._outer.activate()
        QCoreApplication.sendEvent(self._page, QEvent(QEvent.Type.LayoutRequest))

    def _show_more(self) -> None:
        """Show that the page goes on below, where it does."""
        bar = self.verticalScrollBar()
        self.more.resize(self.more.sizeHint())
        beside = bar.width() if bar.isVisible() else 0
        # Not by the viewport: asked for one, Python learns all kinds of widgets.
        self.more.move(self.width() - beside - self.more.width() - 1, self.height() - self.more.height() - 1)
        self.more.setVisible(bar.value() < bar.maximum())
        self.more.raise_()

    def _scroll_on(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + bar.pageStep())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look again when something on the page takes another height, such as the offer."""
        if watched is self._page and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        """Fit when the page is seen."""
        super().showEvent(event)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Adapt to the height and width of the window."""
        super().resizeEvent(event)
        self._fit()
        self._show_more()
