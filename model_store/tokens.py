"""The access token for the Hub: in the system's keyring, never in a file of ours."""

from __future__ import annotations


class TokenKeeper:
    """Keeps one token for each endpoint; only for this session where the system has no keyring."""

    @property
    def lasting(self) -> bool:
        """Return whether the system keeps it; else it is gone when the program ends, and that should be said."""
        raise NotImplementedError

    def get(self, endpoint: str) -> str:
        """Return the token, "" when there is none."""
        raise NotImplementedError

    def set(self, endpoint: str, token: str) -> None:
        """Keep a token; "" forgets it."""
        raise NotImplementedError
