"""Drag and drop onto the window, with an overlay that says what dropping will do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QEasingCurve, QEvent, QMimeData, QObject, QPoint, QRectF, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop_app.file_addresses import is_local
from desktop_app.services.conversation.picture_files import is_folder
from desktop_app.ui.files.mime import has_picture, model_paths, picture_bytes, urls_of
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.plain_text import one_line
from desktop_app.ui.widgets.theme import GRID, RADIUS, ColourRole, theme

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.protocols.conversation import Draft, EditedPictures
    from desktop_app.ui.protocols.engine import Engine
    from desktop_app.ui.widgets.message_edit import MessageEdit

_ICON = 72  # px
_CARD = 620  # px; the widest the card with the words gets


_NOT_DRAGGING = (QEvent.Type.Enter, QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress)


class DropOverlay(QWidget):
    """Covers the window during a drag and says what dropping would do."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setVisible(False)
        self.is_accepted = True
        self.sentence = ""
        self.hint = ""
        self._opacity = 0.0
        self._fade = QVariantAnimation(self)
        self._fade.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._fade.valueChanged.connect(self._faded)
        self._fade.finished.connect(self._settled)

    def answer(self, is_accepted: bool, sentence: str, hint: str) -> None:
        """Appear with `sentence` and `hint`. `is_accepted`: whether the drop will be accepted."""
        self.is_accepted, self.sentence, self.hint = is_accepted, sentence, hint
        self.setAccessibleName(sentence)
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.raise_()
        self.setVisible(True)
        self._run(1.0)

    def leave(self) -> None:
        """Disappear."""
        if self.isVisible():
            self._run(0.0)

    def _run(self, end: float) -> None:
        self._fade.stop()
        self._fade.setStartValue(self._opacity)
        self._fade.setEndValue(end)
        self._fade.setDuration(theme.animation_ms())
        self._fade.start()

    def _faded(self, opacity: float) -> None:
        self._opacity = opacity
        self.update()

    def _settled(self) -> None:
        if self._opacity == 0.0:
            self.setVisible(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the tint, the outline and the text."""
        wash: ColourRole = "drop" if self.is_accepted else "refuse"
        ink: ColourRole = "accent" if self.is_accepted else "danger"
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(self._opacity)
        painter.fillRect(self.rect(), theme.colour(wash))
        inset = 1.5 * GRID + (1.0 - self._opacity) * GRID
        frame = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        pen = QPen(theme.colour(ink), 3, Qt.PenStyle.SolidLine if self.is_accepted else Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawRoundedRect(frame, RADIUS * 1.6, RADIUS * 1.6)
        self._paint_words(painter)

    def _paint_words(self, painter: QPainter) -> None:
        """Paint icon, sentence and hint on a card, which hides what is below them."""
        flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
        width = min(_CARD, self.width() - 6 * GRID) - 6 * GRID
        room = QRectF(0, 0, width, self.height())
        title, small = theme.font("display"), theme.font("body")
        sentence = QFontMetricsF(title).boundingRect(room, flags, self.sentence)
        hint = QFontMetricsF(small).boundingRect(room, flags, self.hint)
        side = icons.side(_ICON)
        height = side + 2 * GRID + sentence.height() + GRID + hint.height()
        centre = QRectF(self.rect()).center()
        left, top = centre.x() - width / 2, centre.y() - height / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("paper"))
        card = QRectF(left, top, width, height).adjusted(-3 * GRID, -3 * GRID, 3 * GRID, 3 * GRID)
        painter.drawRoundedRect(card, RADIUS * 1.6, RADIUS * 1.6)
        icon = QRectF(centre.x() - side / 2, top, side, side)
        if self.is_accepted:
            painter.drawPixmap(icon.toRect(), icons.flower(_ICON))
        else:
            icons.paint(painter, "refuse", theme.colour("danger"), icon)
        painter.setFont(title)
        painter.setPen(theme.colour("text"))
        painter.drawText(QRectF(left, icon.bottom() + 2 * GRID, width, sentence.height()), flags, self.sentence)
        painter.setFont(small)
        painter.setPen(theme.colour("muted"))
        painter.drawText(QRectF(left, card.bottom() - 3 * GRID - hint.height(), width, hint.height()), flags, self.hint)


class OpenEditor(Protocol):
    """A question that is being edited."""

    @property
    def pictures(self) -> EditedPictures:
        """Return its pictures."""

    @property
    def editor(self) -> MessageEdit:
        """Return the field with its words."""


class DropTarget(QObject):
    """Handles drags over a window. `text_dropped(str)`: text for the input field.
    `models_dropped(list of paths)`: model files, or folders that hold an exported model.

    While a question is edited, what is dropped belongs to it, wherever its editor is at the moment; what is dropped on
    the composer belongs to the next question.

    A drag that cannot be used is accepted when it enters and ignored while it moves. Only then does Qt
    report when it leaves, and the pointer shows that dropping does nothing.
    """

    text_dropped = Signal(str)
    models_dropped = Signal(list)

    def __init__(
        self,
        window: QWidget,
        draft: Draft,
        engine: Engine,
        editor_for: Callable[[QPoint], OpenEditor | None],
    ) -> None:
        """`editor_for` returns the open editor that what is dropped at a place of the window belongs to."""
        super().__init__(window)
        self._draft = draft
        self._editor_for = editor_for
        self._editor: OpenEditor | None = None  # that the drag would go to where it is now
        self._engine = engine
        self._is_accepted = False
        self.overlay = DropOverlay(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the drag events of the window."""
        if isinstance(event, QDragEnterEvent):
            self._entered(event)
        elif isinstance(event, QDragMoveEvent):
            if self._editor is not self._editor_for(event.position().toPoint()):
                self._entered(event)
            self._answer(event, self._is_accepted)
        elif event.type() == QEvent.Type.DragLeave:
            self.overlay.leave()
        elif event.type() in _NOT_DRAGGING:
            # A drag that ended elsewhere without a word must not leave the window covered.
            self.overlay.leave()
            return False
        elif isinstance(event, QDropEvent):
            self._dropped(event)
        elif event.type() == QEvent.Type.Resize and self.overlay.isVisible() and isinstance(watched, QWidget):
            self.overlay.setGeometry(watched.rect())
            return False
        else:
            return False
        return True

    def _entered(self, event: QDragMoveEvent) -> None:
        """Say what dropping would do where the drag is."""
        self._editor = self._editor_for(event.position().toPoint())
        mime = event.mimeData()
        urls, picture = urls_of(mime), has_picture(mime)
        if not urls and not picture and mime.hasText():
            self._is_accepted = True  # words go to the composer; no overlay is needed
            self._answer(event, True)
            return
        models = model_paths(urls)
        if models:
            self._is_accepted = True
            self.overlay.answer(True, self.tr("Drop to add this model"), ", ".join(Path(path).name for path in models))
            self._answer(event, True)
            return
        count = self._draft.can_take(urls, picture)
        self._is_accepted = count > 0
        others = max(0, len(urls) - count)
        self.overlay.answer(
            self._is_accepted, *(self._invitation(count, others) if count else self._refusal(mime, urls))
        )
        self._answer(event, True)

    def _answer(self, event: QDropEvent, accept: bool) -> None:
        # Always a copy: the original stays where it is, and Wayland offers no link.
        event.setDropAction(Qt.DropAction.CopyAction if self._is_accepted else Qt.DropAction.IgnoreAction)
        if accept:
            event.accept()
        else:
            event.ignore()

    def _invitation(self, count: int, others: int) -> tuple[str, str]:
        if self._editor is not None:
            sentence = self.tr("Drop to add it to the question that you are editing")
            if count > 1:
                sentence = self.tr("Drop to add {count} pictures to the question that you are editing").format(
                    count=count
                )
        elif count == 1:
            sentence = self.tr("Drop to ask about this picture")
        else:
            sentence = self.tr("Drop to ask about {count} pictures").format(count=count)
        info = self._engine.info()
        if info is not None and not info.sees:
            return sentence, self.tr("{model} cannot see pictures. You can choose another model afterwards.").format(
                model=one_line(info.name)
            )
        if others == 1:
            return sentence, self.tr("One other file is not a picture.")
        if others:
            return sentence, self.tr("{count} other files are not pictures.").format(count=others)
        return sentence, self.tr("It stays on this computer.") if count == 1 else self.tr("They stay on this computer.")

    def _refusal(self, mime: QMimeData, urls: list[str]) -> tuple[str, str]:
        if any(is_folder(url) for url in urls):
            return self.tr("This is a folder"), self.tr("Open it, and drop the pictures inside it.")
        if not all(is_local(url) for url in urls):
            return (
                self.tr("Eyebright does not go online"),
                self.tr("Save the picture on this computer, then drop the file here."),
            )
        return self.tr("This is not a picture"), self.tr(
            "Eyebright reads PNG, JPEG, WebP, GIF, BMP, TIFF, HEIC and AVIF."
        )

    def _dropped(self, event: QDropEvent) -> None:
        self.overlay.leave()
        mime = event.mimeData()
        urls, picture = urls_of(mime), has_picture(mime)
        self._answer(event, self._is_accepted)
        editor = self._editor_for(event.position().toPoint())
        pictures = editor.pictures if editor is not None else self._draft
        models = model_paths(urls)
        if models:
            self.models_dropped.emit(models)
        elif any(is_local(url) for url in urls):
            pictures.add_urls(urls)
        elif picture:
            data = picture_bytes(mime)
            if data:
                pictures.add_bytes(data, self.tr("Dropped picture"))
            else:
                pictures.add_urls([])
        elif urls:
            pictures.add_urls(urls)
        elif editor is not None and mime.hasText():
            editor.editor.insert(mime.text())
        elif mime.hasText():
            self.text_dropped.emit(mime.text())
        if editor is not None and not models:
            editor.editor.setFocus()
