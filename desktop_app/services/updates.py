"""Whether there is a newer version: asked when the person wants to know, and at no other time.

`model_store.hub.releases` sends one request for an address. The server learns that somebody asks, but not
which version they have. Nothing is fetched or installed; the release page opens in the browser if that is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from PySide6.QtCore import QObject

from desktop_app import __home__, __version__
from desktop_app.services.background import Background
from desktop_app.services.notices import Notice, Notices
from desktop_app.services.preferences import Preferences
from desktop_app.services.versions import Version
from model_store.errors import StoreError

if TYPE_CHECKING:  # what speaks with the network is imported with the first question for it
    from model_store.hub.releases import Release, ReleasePage

_DEADLINE_S = 15.0
_RESERVED = ".example"  # a top-level domain without servers (RFC 2606), so it is not asked


class Updates(QObject):
    """Asks for the newest release, and posts a notice of what was found.

    The notice's action "open-releases" is to open `page()`.
    """

    def __init__(
        self,
        preferences: Preferences,
        notices: Notices,
        thread: Background,
        home: str = __home__,
        version: str = __version__,
        deadline_s: float = _DEADLINE_S,
        parent: QObject | None = None,
    ) -> None:
        """`home` is where releases are published, `version` the one that runs; an answer may take `deadline_s`."""
        super().__init__(parent)
        self._preferences = preferences
        self._notices = notices
        self._thread = thread
        self._home = home.rstrip("/")
        self._host = urlsplit(home).hostname or home
        self._version = version
        self._deadline_s = deadline_s
        self._found = ""
        self._asking: Notice | None = None
        self._page: ReleasePage | None = None
        self._closed = False

    def is_asking(self) -> bool:
        """Return whether an answer is awaited."""
        return self._asking is not None

    def page(self) -> str:
        """Return the address to open: of the release that was found, or of the newest one, whichever it is."""
        return self._found or f"{self._home}/releases/latest"

    def check(self) -> None:
        """Ask, and say so; while an answer is awaited only say so again."""
        if self._host.endswith(_RESERVED):
            self._notices.post(Notice("updates-no-address", owner="updates"))
            return
        if self._asking is not None:
            self._notices.post(self._asking)
            return
        self._asking = Notice("updates-asking", {"host": self._host}, sticky=True, owner="updates")
        self._notices.post(self._asking)
        proxy = self._preferences.value("proxy")
        self._thread.run(lambda: self._ask(proxy), self._answered, self._failed)

    def close(self) -> None:
        """End what is being asked, at once; nothing is said of it."""
        self._closed = True
        if self._page is not None:
            self._page.close()
        self._thread.close()

    def _ask(self, proxy: str) -> Release:
        """On the thread."""
        from model_store.hub.releases import ReleasePage

        self._page = page = ReleasePage(self._home, proxy, self._deadline_s)
        if self._closed:  # before there was anything to end
            page.close()
        return page.newest()

    def _answered(self, release: Release) -> None:
        newest, present = Version.parse(release.tag), Version.parse(self._version)
        assert present is not None  # our own
        if newest is None:
            self._report(_not_understood(self._host))
        elif newest.is_update_for(present):
            self._found = release.address
            what = {"newest": str(newest), "version": self._version}
            self._report(Notice("updates-found", what, sticky=True, owner="updates"))
        else:
            self._report(Notice("updates-none", {"version": self._version}, owner="updates"))

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, StoreError):
            self._report(None)
            raise error
        if error.code == "release-not-understood":
            self._report(_not_understood(self._host))
        else:
            self._report(Notice(error.code, error.parameters, "error", owner="updates"))

    def _report(self, notice: Notice | None) -> None:
        """Replace the notice "Asking ..." by `notice`."""
        asking, self._asking = self._asking, None
        if notice is not None:
            self._notices.post(notice)
        if asking is not None:
            self._notices.withdraw(asking.id)


def _not_understood(host: str) -> Notice:
    return Notice("release-not-understood", {"host": host}, "error", sticky=True, owner="updates")
