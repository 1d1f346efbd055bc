"""The access token for the Hub: in the system's keyring, never in a file of ours."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_SERVICE = "Eyebright"
_log = logging.getLogger(__name__)


class TokenKeeper:
    """Keeps one token for each endpoint; only for this session where the system has no keyring.

    May be used from several threads. Never raises: a keyring that is locked or broken counts as none.
    """

    def __init__(self, keyring: KeyringBackend | None = None) -> None:
        """Use `keyring`, or the system's for None."""
        self._chosen = keyring
        self._lock = threading.Lock()
        self._session: dict[str, str] = {}  # by endpoint
        self._broken = False

    @property
    def lasting(self) -> bool:
        """Return whether the system keeps it; else it is gone when the program ends, and that should be said."""
        return self._keyring() is not None

    def get(self, endpoint: str) -> str:
        """Return the token, "" when there is none."""
        with self._lock:
            if endpoint in self._session:
                return self._session[endpoint]
        keyring = self._keyring()
        token = ""
        if keyring is not None:
            try:
                token = keyring.get_password(_SERVICE, endpoint) or ""
            except Exception as error:  # backends raise whatever their system does
                self._give_up(error)
        with self._lock:
            return self._session.setdefault(endpoint, token)

    def set(self, endpoint: str, token: str) -> None:
        """Keep a token; "" forgets it."""
        token = token.strip()
        with self._lock:
            self._session[endpoint] = token
        keyring = self._keyring()
        if keyring is None:
            return
        try:
            if token:
                keyring.set_password(_SERVICE, endpoint, token)
            elif keyring.get_password(_SERVICE, endpoint) is not None:
                keyring.delete_password(_SERVICE, endpoint)
        except Exception as error:  # as above
            self._give_up(error)

    def _keyring(self) -> KeyringBackend | None:
        if self._broken:
            return None
        if self._chosen is None:
            try:
                import keyring

                self._chosen = keyring.get_keyring()
            except Exception as error:  # as above
                self._give_up(error)
                return None
        from keyring.backends import fail, null

        return None if isinstance(self._chosen, (fail.Keyring, null.Keyring)) else self._chosen

    def _give_up(self, error: Exception) -> None:
        # Its name only: a message might hold what nobody should read in a log.
        _log.info("no keyring: %s", type(error).__name__)
        self._broken = True
