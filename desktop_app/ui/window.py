"""The main window: its layout and the connections between its parts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QByteArray,
    QCoreApplication,
    QEvent,
    QKeyCombination,
    QPoint,
    QSettings,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QCloseEvent, QContextMenuEvent, QGuiApplication, QKeyEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_app import paths
from desktop_app.chat.conversation import Message, Role
from desktop_app.errors import UserError
from desktop_app.ui.areas import Areas, go_to_next_control
from desktop_app.ui.composer.composer import Composer
from desktop_app.ui.composer.drop import DropTarget
from desktop_app.ui.composer.foot import Foot
from desktop_app.ui.dialogs import Dialogs
from desktop_app.ui.header import Header
from desktop_app.ui.menus import Menus
from desktop_app.ui.notices import NoticeBar
from desktop_app.ui.pictures.splitter import PageSplitter
from desktop_app.ui.remedies import Remedies
from desktop_app.ui.sidebar import Sidebar
from desktop_app.ui.start_page import StartPage
from desktop_app.ui.status import StatusLine
from desktop_app.ui.user_activity import UserActivity
from desktop_app.ui.widgets.fitting import fitted
from desktop_app.ui.widgets.keys import DELETE_LINE_START, is_asked_for, turns_pages
from desktop_app.ui.widgets.plain_text import window_title
from desktop_app.ui.widgets.theme import GRID, NARROW, SMALLEST_WINDOW, theme

if TYPE_CHECKING:  # what is not shown at the start is imported when it is needed
    from desktop_app.ui.pictures.beside import PictureBeside
    from desktop_app.ui.pictures.large_previews import LargePreviews
    from desktop_app.ui.pictures.viewer import PictureViewer
    from desktop_app.ui.protocols.services import Services  # only for annotations
    from desktop_app.ui.transcript.editor import QuestionEditor
    from desktop_app.ui.transcript.view import TranscriptView

_FIRST_SIZE = QSize(1120, 780)
_UNSEEN_MS = 2000  # a window that starts minimised is not painted
_MENU_KEYS = QKeyCombination(Qt.KeyboardModifier.ShiftModifier, Qt.Key.Key_F10)


class MainWindow(QMainWindow):
    """Sidebar, page, composer and status line around the services.

    `painted()`: once, after the first painting, or after 2 s if the window starts minimised.
    """

    painted = Signal()

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        self.setMinimumSize(SMALLEST_WINDOW)
        theme.set_typeface(services.preferences.value("typeface"))
        theme.set_preference(services.preferences.value("theme"))
        self._memory = QSettings(str(paths.window_file()), QSettings.Format.IniFormat)
        self._is_narrow = False
        self._transcript: TranscriptView | None = None
        self.picture_beside: PictureBeside | None = None  # comes with the transcript
        self._viewer: PictureViewer | None = None
        theme.set_zoom(int(str(self._memory.value("text_size", 100, type=int))))
        self._build()
        self.drops = DropTarget(self, services.draft, services.engine, self._editor_for)
        self.dialogs = Dialogs(services, self.notices, self)
        self.menus = Menus(self, services, self, self.dialogs)
        self.areas = Areas(self, self.sidebar, self.pages, self.composer)
        self.user_activity = UserActivity(services.tuner, self)
        self.remedies = Remedies(services, self)
        self._connect()
        self._restore()
        self._show_page()
        self._title_changed()
        services.notices.start()
        self.composer.focus_editor()
        self._unseen = QTimer(self)
        self._unseen.setSingleShot(True)
        self._unseen.timeout.connect(self.painted)
        self._unseen.start(_UNSEEN_MS)

    # ---- building --------------------------------------------------------------------------

    def _build(self) -> None:
        """Build from the outside in: Qt styles a widget anew, with all that is in it, when it comes into another."""
        services = self.services
        central = QWidget(self)
        self.setCentralWidget(central)
        whole = QVBoxLayout(central)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        beside = QHBoxLayout()
        beside.setSpacing(0)
        whole.addLayout(beside, 1)
        self.sidebar = Sidebar(services.conversations, services.previews, services.activity, central)
        beside.addWidget(self.sidebar)
        self.splitter = PageSplitter(central)
        beside.addWidget(self.splitter, 1)
        self.page = QWidget()
        self.splitter.addWidget(self.page)
        page = QVBoxLayout(self.page)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        self.header = Header(services.conversations, self.page)
        page.addWidget(self.header)
        self.pages = QStackedWidget(self.page)
        # In a low window the page gives way; what is said below it takes no more than its share.
        self.pages.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        page.addWidget(self.pages, 1)
        self.start_page = StartPage(services.engine, self.pages)
        self.pages.addWidget(self.start_page)
        self.foot = Foot(self.page)
        page.addWidget(self.foot)
        self.notices = NoticeBar(services.notices, self.foot.notices.place)
        self.composer = Composer(services, self.foot.composer.place)
        self.foot.show_parts(self.notices, self.composer)
        self.status = StatusLine(services, central)
        whole.addWidget(self.status)

    @property
    def transcript(self) -> TranscriptView:
        """Return the page of a conversation with messages; it is built at the first call."""
        if self._transcript is None:
            from desktop_app.ui.transcript.view import TranscriptView

            self._transcript = TranscriptView(self.services, self)
            self._transcript.picture_opened.connect(self.open_picture)
            self._transcript.text_too_long.connect(self.composer.refuse_text)
            self.composer.last_wanted.connect(self._transcript.edit_last)
            self.pages.addWidget(self._transcript)
            self._keep_picture_in_sight(self._transcript)
        return self._transcript

    def _keep_picture_in_sight(self, transcript: TranscriptView) -> None:
        from desktop_app.ui.pictures.beside import PictureBeside

        beside = PictureBeside(
            self.services, transcript.page.rows, self.large_previews, self.splitter, self.header, self.menus.pane
        )
        beside.opened.connect(self.open_picture)
        beside.left.connect(self.composer.focus_editor)
        beside.built.connect(self.areas.add)
        beside.restore(self._memory)
        self.picture_beside = beside

    @cached_property
    def preview(self) -> QWidget:
        """Return the page of a new conversation with attached pictures; it is built at the first call."""
        from desktop_app.ui.composer.draft_preview import DraftPreview

        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(3 * GRID, GRID, 3 * GRID, 2 * GRID)
        attached = DraftPreview(self.services.draft, self.services.previews, page)
        attached.opened.connect(self.open_picture)
        column.addWidget(attached)
        self.pages.addWidget(page)
        return page

    @cached_property
    def large_previews(self) -> LargePreviews:
        """Return the previews that are shown large."""
        from desktop_app.ui.pictures.large_previews import LargePreviews

        return LargePreviews(self.services.previews, self)

    def _connect(self) -> None:
        services, chat = self.services, self.services.chat
        services.notices.register("choose-picture", self.choose_files)
        self.remedies.taken_back.connect(self.composer.focus_editor)
        draft = services.draft
        for signal in (
            chat.reset,
            chat.added,
            chat.truncated,
            draft.added,
            draft.changed,
            draft.removed,
            draft.cleared,
        ):
            signal.connect(self._show_page)
        for signal in (chat.busy_changed, services.conversations.opened, services.conversations.listed):
            signal.connect(self._title_changed)
        services.conversations.opened.connect(self._opened)
        services.preferences.changed.connect(self._preference_changed)
        services.reading_ahead.context.connect(self.status.set_context)
        self.sidebar.hide_wanted.connect(self.toggle_sidebar)
        self.sidebar.settings_wanted.connect(self.dialogs.open_settings)
        self.sidebar.hit_chosen.connect(self._hit_chosen)
        self.sidebar.export_wanted.connect(self.dialogs.export)
        self.sidebar.step_wanted.connect(self.step_to_hit)
        self.sidebar.search_ended.connect(self._unmark)
        self.sidebar.left.connect(self.composer.focus_editor)
        self.sidebar.new_wanted.connect(self.new_conversation)
        self.header.new_wanted.connect(self.new_conversation)
        self.header.sidebar_wanted.connect(self.toggle_sidebar)
        self.header.rename_wanted.connect(self.rename_current)
        self.start_page.example_chosen.connect(self.ask_example)
        self.start_page.choose_wanted.connect(self.composer.choose_files)
        self.start_page.projector_wanted.connect(self.remedies.add_projector)
        self.composer.picture_opened.connect(self.open_picture)
        self.composer.projector_wanted.connect(self.remedies.add_projector)
        self.composer.model.clicked.connect(self.choose_model)
        self.start_page.model_wanted.connect(self.dialogs.open_models)
        self.status.choose_model.connect(self.dialogs.open_models)
        self.status.download_opened.connect(self.dialogs.open_download)
        self.drops.text_dropped.connect(self.composer.insert_text)
        self.drops.models_dropped.connect(self.dialogs.add_models)

    # ---- what the menus and buttons do -----------------------------------------------------

    @Slot(str, str)
    def ask_example(self, picture: str, question: str) -> None:
        """Attach an example picture and ask about it, unless the person has already written a question."""
        if self.services.chat.is_busy():
            return
        self.services.draft.add_file(picture)
        if not self.services.draft.text().strip():
            self.services.chat.send(question)
        self.composer.focus_editor()

    @Slot()
    def paste(self) -> None:
        """Paste into the question, wherever the keyboard is."""
        self.composer.focus_editor()
        self.composer.editor.paste()

    @Slot()
    def choose_files(self) -> None:
        """Choose pictures for the question."""
        self.composer.choose_files()

    def has_answer(self) -> bool:
        """Return whether there is an answer to copy."""
        return self.last_answer() is not None

    def is_sidebar_shown(self) -> bool:
        """Return whether the sidebar is shown, also while the window is not."""
        return self.sidebar.isVisibleTo(self)

    def last_answer(self) -> Message | None:
        """Return the newest answer that has words."""
        answers = (m for m in reversed(self.services.chat.messages()) if m.role is Role.ASSISTANT and m.text)
        return next(answers, None)

    @Slot()
    def copy_answer(self) -> None:
        """Put the newest answer into the clipboard."""
        answer = self.last_answer()
        if answer is not None:
            QGuiApplication.clipboard().setText(answer.text)

    @Slot()
    def search(self) -> None:
        """Show the sidebar and go to its search field."""
        self._show_sidebar(True)
        self.sidebar.focus_search()

    @Slot()
    def rename_current(self) -> None:
        """Rename the open conversation in the sidebar."""
        self._show_sidebar(True)
        self.sidebar.rename_current()

    @Slot()
    def new_conversation(self) -> None:
        """Begin a new conversation; a search is over then."""
        self.sidebar.end_search()
        self.services.conversations.new()
        self.composer.focus_editor()  # where one is open already, nothing else would happen

    def step_to_hit(self, direction: int) -> None:
        """Go to the next word of the search (1) or the one before (-1); without any, to the search field."""
        if self.pages.currentWidget() is self._transcript and self.transcript.page.hits.are_marked():
            self.transcript.page.hits.step(direction)
        else:
            self.search()

    @Slot()
    def delete_current(self) -> None:
        """Delete the open conversation; a notice offers to undo it."""
        current = self.services.conversations.current_id()
        if current:
            self.services.conversations.delete(current)

    @Slot()
    def toggle_sidebar(self) -> None:
        """Show or hide the sidebar, and remember it."""
        shown = not self.is_sidebar_shown()
        if not self._is_narrow:
            self.prefer("sidebar_visible", shown)
        self._show_sidebar(shown)

    @Slot(str)
    def open_picture(self, sha256: str) -> None:
        """Show a picture of the conversation or of the draft large."""
        drafted = [p.picture for p in self.services.draft.pictures() if p.picture is not None]
        pictures = [picture for message in self.services.chat.messages() for picture in message.pictures] + drafted
        index = next((i for i, picture in enumerate(pictures) if picture.sha256 == sha256), None)
        if index is None:
            return
        if self._viewer is None:
            from desktop_app.ui.pictures.viewer import PictureViewer

            self._viewer = PictureViewer(self.services.previews, self.large_previews, self)
        self._viewer.show_pictures(pictures, index)

    @Slot()
    def choose_model(self) -> None:
        """Open the menu of the installed models."""
        from desktop_app.ui.models.model_menu import ModelMenu

        menu = ModelMenu(self.services.models, self.services.engine, self.composer)
        menu.more_wanted.connect(self.dialogs.open_models)
        menu.open_above(self.composer.model)

    def prefer(self, name: str, value: object) -> None:
        """Set a preference; show a notice if it cannot be saved."""
        try:
            self.services.preferences.set(name, value)
        except UserError as error:
            self.services.notices.error(error)

    @Slot()
    def come_forward(self) -> None:
        """Come to the front: the program was started a second time."""
        if self.isMinimized():
            self.showNormal()
        self.raise_()
        self.activateWindow()

    # ---- what follows from what happens ----------------------------------------------------

    def offer_models(self) -> None:
        """Look at the models that there are, offer one that suits this computer, and tell of downloads.

        After the window is shown: it takes long.
        """
        from desktop_app.ui.models.download_line import DownloadLine
        from desktop_app.ui.models.offer_card import ModelOffer
        from desktop_app.ui.models.suggestion import Suggestion

        models = self.services.models
        self.composer.model.know(models)
        self.status.know(models)
        suggestion = Suggestion(models, self.services.notices, self)
        suggestion.download_opened.connect(self.dialogs.open_download)
        offer = ModelOffer(suggestion, models, self.start_page)
        offer.more_wanted.connect(self.dialogs.open_models)
        self.start_page.set_offer(offer)
        self.status.follow(DownloadLine(models, self))

    def _show_page(self, _what: object = None) -> None:
        page: QWidget = self.start_page
        if self.services.chat.messages():
            page = self.transcript
        elif any(draft.picture is not None for draft in self.services.draft.pictures()):
            page = self.preview
        if self.pages.currentWidget() is not page:
            self.pages.setCurrentWidget(page)
        self._show_header()
        self.menus.refresh()

    def _title_changed(self, _what: object = None) -> None:
        title = self.header.current_title()
        # The system adds the program's name where that is usual.
        self.setWindowTitle(window_title(title))
        self.menus.refresh()

    def _opened(self, _conversation_id: str) -> None:
        if self._is_narrow:
            self._show_sidebar(False)
        self.composer.focus_editor()

    def _hit_chosen(self, conversation_id: str, query: str) -> None:
        self.transcript.look_for(conversation_id, query)

    def _unmark(self) -> None:
        if self._transcript is not None:
            self._transcript.page.hits.clear()

    def _editor_for(self, place: QPoint) -> QuestionEditor | None:
        """Return the open editor of a question: it takes what is dropped, but on the composer."""
        if self._transcript is None or self.pages.currentWidget() is not self._transcript:
            return None
        on_composer = self.composer.rect().contains(self.composer.mapFrom(self, place))
        editor = self._transcript.editor
        return editor if editor.message_id() and not on_composer else None

    def _preference_changed(self, name: str) -> None:
        if name == "theme":
            theme.set_preference(self.services.preferences.value("theme"))
            self.menus.refresh()
        elif name == "typeface":
            theme.set_typeface(self.services.preferences.value("typeface"))

    def _show_sidebar(self, shown: bool) -> None:
        self.sidebar.setVisible(shown)
        self.header.set_sidebar_shown(shown)
        self._show_header()
        self.menus.refresh()

    def _show_header(self) -> None:
        """Leave its room to the start page where it would be empty."""
        is_empty = self.pages.currentWidget() is self.start_page and self.is_sidebar_shown()
        self.header.setVisible(not is_empty)

    def _is_sidebar_wanted(self) -> bool:
        return bool(self.services.preferences.value("sidebar_visible"))

    # ---- size and place --------------------------------------------------------------------

    def _restore(self) -> None:
        geometry = self._memory.value("geometry")
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self.resize(fitted(self, _FIRST_SIZE))
        self._is_narrow = self.width() < theme.room(NARROW)
        self._show_sidebar(self._is_sidebar_wanted() and not self._is_narrow)
        theme.changed.connect(self._divide)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Divide the new width."""
        super().resizeEvent(event)
        self.sidebar.set_room(self.width())
        self._divide()
        if self.picture_beside is not None:
            self.picture_beside.refresh()

    def _divide(self) -> None:
        """Hide the sidebar where it leaves too little to the page, and bring it back where there is room again."""
        is_narrow = self.width() < theme.room(NARROW)
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            self._show_sidebar(self._is_sidebar_wanted() and not is_narrow)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Emit `painted` after the first painting."""
        super().paintEvent(event)
        if self._unseen.isActive():
            self._unseen.start(0)  # the children are painted after this

    def event(self, event: QEvent) -> bool:
        """Delete no conversation by the keys of somebody who writes in a field of one line."""
        if is_asked_for(event, DELETE_LINE_START) and isinstance(QApplication.focusWidget(), QLineEdit):
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002 - the name that Qt gives it
        """Let Tab go through the window as F6 does, the picture before the question about it."""
        pane = self.picture_beside.pane if self.picture_beside is not None else None
        beside = [pane] if pane is not None else []
        areas = [self.sidebar, self.header, self.pages, *beside, self.notices, self.composer, self.status]
        return go_to_next_control(areas, 1 if next else -1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Write what is typed anywhere into the question; turn the pages of the conversation.

        Shift+F10 opens the context menu of the focused widget: many keyboards lack the Menu key.
        """
        if event.keyCombination() != _MENU_KEYS:
            if _writes(event):
                self.composer.insert_text(event.text())
            elif turns_pages(event) and self._transcript is not None and self._transcript.isVisible():
                self._transcript.page.keyboard.turn(event.key())
            else:
                super().keyPressEvent(event)
            return
        focused = QApplication.focusWidget() or self
        place = focused.rect().center()
        wish = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, place, focused.mapToGlobal(place))
        QCoreApplication.sendEvent(focused, wish)

    def remember(self) -> None:
        """Save size and position."""
        self._memory.setValue("geometry", self.saveGeometry())
        self._memory.setValue("text_size", theme.zoom())
        if self.picture_beside is not None:
            self.picture_beside.remember(self._memory)
        self._memory.sync()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save size and position."""
        self.remember()
        if self._viewer is not None:
            self._viewer.close()
        self.dialogs.close()
        super().closeEvent(event)


def _writes(event: QKeyEvent) -> bool:
    """Return whether a key writes a character. Space is left out: it presses buttons and turns pages."""
    modifiers = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    alt_gr = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    allowed = modifiers in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.GroupSwitchModifier, alt_gr)
    return allowed and bool(event.text().strip()) and event.text().isprintable()
