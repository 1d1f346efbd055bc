"""Where models come from: the server, the proxy and the access token that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_app.services.background import Background
from desktop_app.services.preferences import Preferences
from model_store.errors import StoreError

if TYPE_CHECKING:  # what speaks with the network is imported with the first question for it, on the thread
    from model_store.hub.client import Hub
    from model_store.hub.tokens import TokenKeeper


class ModelSources:
    """Reads the settings on the main thread, and does on `thread` what may take long, as the keyring may."""

    def __init__(self, preferences: Preferences, thread: Background) -> None:
        self._preferences = preferences
        self._thread = thread
        self._keeper: TokenKeeper | None = None

    def hub_maker(self) -> Callable[[], Hub]:
        """Return what makes the Hub that the settings name now. Call it on a thread; it raises `StoreError`."""
        address, proxy = self._preferences.value("hub_address"), self._preferences.value("proxy")

        def make() -> Hub:
            from model_store.hub.from_settings import hub_of

            return hub_of(address, proxy, self.keeper())

        return make

    def check(self, then: Callable[[StoreError | None], None]) -> None:
        """Tell `then` what is wrong with the server or the proxy, as they are written."""
        make = self.hub_maker()

        def work() -> StoreError | None:
            try:
                make().close()
            except StoreError as error:
                return error
            return None

        self._thread.run(work, then)

    def load_token(self, then: Callable[[bool, bool], None]) -> None:
        """Tell `then(is there a token, does the system keep it)`."""
        address = self._preferences.value("hub_address")

        def work() -> tuple[bool, bool]:
            from model_store.hub.from_settings import endpoint_of

            keeper = self.keeper()
            return bool(keeper.get(endpoint_of(address))), keeper.lasting

        self._thread.run(work, lambda found: then(*found))

    def set_token(self, token: str, then: Callable[[bool, bool], None]) -> None:
        """Keep an access token for the server that the settings name; "" forgets it. Then as `load_token`."""
        address = self._preferences.value("hub_address")

        def work() -> None:
            from model_store.hub.from_settings import endpoint_of

            self.keeper().set(endpoint_of(address), token)

        self._thread.run(work, lambda _none: self.load_token(then))

    def keeper(self) -> TokenKeeper:
        """Return who keeps the access token; for a thread."""
        from model_store.hub.tokens import TokenKeeper

        if self._keeper is None:
            self._keeper = TokenKeeper()
        return self._keeper
