"""Files by their addresses, as desktops and browsers hand them on."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from desktop_app.cli import parse
from desktop_app.cli.request import AskRequest, ImportModels, WindowRequest
from desktop_app.file_addresses import is_local, local_path, named_file


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///a/b%20c.png", "/a/b c.png"),
        ("file:/a/b.png", "/a/b.png"),
        ("FILE:///a/b.png", "/a/b.png"),
        ("file://localhost/a/b.png", "/a/b.png"),
        (f"file://{platform.node()}/a/b.png", "/a/b.png"),
        ("file://server/share/b.png", "//server/share/b.png"),
        ("file:///a/100%25%20%23%3F.png", "/a/100% #?.png"),
        ("file:///a/%E4.png", "/a/\udce4.png"),
        ("/a/b.png", "/a/b.png"),
        ("Screenshot 10:30.png", "Screenshot 10:30.png"),
        ("C:/a.png", "C:/a.png"),
    ],
)
def test_the_path_of_an_address(address: str, path: str) -> None:
    assert is_local(address)
    assert local_path(address) == path


@pytest.mark.parametrize("address", ["https://a.b/c.png", "data:image/png;base64,AAAA", "ftp://a/b.png", "blob:x"])
def test_other_addresses_are_no_files(address: str) -> None:
    assert not is_local(address)


def test_files_of_the_command_line_may_be_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "a b.png"
    picture.touch()
    assert parse([picture.as_uri()]) == WindowRequest([str(picture)])
    for words in (["ask", picture.as_uri(), "-p", "?"], ["ask", "-p", "?", "--", picture.as_uri()]):
        request = parse(words)
        assert isinstance(request, AskRequest)
        assert request.pictures == [str(picture)]
    request = parse(["models", "import", picture.as_uri()])
    assert isinstance(request, ImportModels)
    assert request.names == [str(picture)]
    monkeypatch.chdir(tmp_path)
    Path("file:").mkdir()
    Path("file:/x.png").touch()
    assert named_file("file:/x.png") == "file:/x.png", "a file that is called so comes first"
