"""The server that models are downloaded from, with its proxy and access token, as set in the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_app.services.background import Background
from desktop_app.services.preferences import Preferences
from model_store.errors import StoreError

if TYPE_CHECKING:  # network code is imported on the background thread when it is first needed
    from model_store.hub.client import Hub
    from model_store.hub.tokens import TokenKeeper


class ModelSources:
    """Reads the settings on the main thread, and does slow work on `thread`, such as opening the keyring."""

    def __init__(self, preferences: Preferences, thread: Background) -> None:
        self._preferences = preferences
        self._thread = thread
        self._keeper: TokenKeeper | None = None

    def hub_maker(self) -> Callable[[], Hub]:
        """Return a function that makes the Hub of the current settings; call it on a thread. It raises `StoreError`."""
        address, proxy = self._preferences.value("hub_address"), self._preferences.value("proxy")

        def make() -> Hub:
            from model_store.hub.from_settings import hub_of

            return hub_of(address, proxy, self.keeper())

        return make

    def check(self, then: Callable[[StoreError | None], None]) -> None:
        """Check the addresses of the server and the proxy, and call `then` with the error, or None."""
        make = self.hub_maker()

        def work() -> StoreError | None:
            try:
                make().close()
            except StoreError as error:
                return error
            return None

        self._thread.run(work, then)

    def load_token(self, then: Callable[[bool, bool], None]) -> None:
        """Call `then(whether there is a token, whether the system stores it)`."""
        address = self._preferences.value("hub_address")

        def work() -> tuple[bool, bool]:
            from model_store.hub.from_settings import endpoint_of

            keeper = self.keeper()
            return bool(keeper.get(endpoint_of(address))), keeper.lasting

        self._thread.run(work, lambda found: then(*found))

    def set_token(self, token: str, then: Callable[[bool, bool], None]) -> None:
        """Store an access token for the current server; "" deletes it. Then do as `load_token`."""
        address = self._preferences.value("hub_address")

        def work() -> None:
            from model_store.hub.from_settings import endpoint_of

            self.keeper().set(endpoint_of(address), token)

        self._thread.run(work, lambda _none: self.load_token(then))

    def keeper(self) -> TokenKeeper:
        """Return the store for access tokens; for use on a background thread."""
        from model_store.hub.tokens import TokenKeeper

        if self._keeper is None:
            self._keeper = TokenKeeper()
        return self._keeper
