"""Access tokens are kept in the system's keyring."""

from typing import Any

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from model_store.hub.tokens import TokenKeeper

HUB, MIRROR = "https://huggingface.co", "https://mirror.example"


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority: Any = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Locked(Ring):
    """A keyring that its owner does not open."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("no")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError("D-Bus went away")


def test_the_system_keeps_a_token_for_each_hub() -> None:
    ring = Ring()
    keeper = TokenKeeper(ring)
    assert keeper.lasting
    keeper.set(HUB, " hf_one \n")
    keeper.set(MIRROR, "hf_two")
    assert [TokenKeeper(ring).get(one) for one in (HUB, MIRROR, "https://else.example")] == ["hf_one", "hf_two", ""]
    keeper.set(HUB, "")
    keeper.set("https://else.example", "")
    assert (keeper.get(HUB), TokenKeeper(ring).get(HUB)) == ("", "")
    assert list(ring.kept.values()) == ["hf_two"]


@pytest.mark.parametrize("ring", [None, Locked()], ids=["none", "locked"])
def test_without_a_keyring_a_token_lives_for_the_session(ring: KeyringBackend | None) -> None:
    keeper = TokenKeeper(ring)
    assert keeper.get(HUB) == ""
    keeper.set(HUB, "hf_one")
    assert (keeper.get(HUB), keeper.lasting) == ("hf_one", False)
    assert TokenKeeper(ring).get(HUB) == ""
