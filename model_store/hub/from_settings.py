"""Makes the Hub that the settings name: its server, proxy and access token."""

from __future__ import annotations

import os

from model_store.hub.client import DEFAULT_ENDPOINT, Hub
from model_store.hub.tokens import TokenKeeper

VARIABLE = "HF_ENDPOINT"  # names a mirror for all programs that fetch from the Hub


def endpoint_of(address: str) -> str:
    """Return the server to ask: the one that was chosen, else the environment's, else Hugging Face."""
    return address.strip() or os.environ.get(VARIABLE, "").strip() or DEFAULT_ENDPOINT


def hub_of(address: str, proxy: str, keeper: TokenKeeper) -> Hub:
    """Return the Hub that the settings name. Raises `StoreError` (endpoint-wrong, proxy-wrong)."""
    endpoint = endpoint_of(address)
    return Hub(endpoint, keeper.get(endpoint), proxy.strip())
