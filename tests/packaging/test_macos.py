"""The macOS bundle is checked, and signed from the inside out. Scripts stand in for Apple's tools."""

import os
import struct
import sys
from pathlib import Path

import pytest
from release import mac_signing, macho, macos

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts play the tools of macOS")

_TOOL = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$TOOLS_LOG"
case "$*" in *notarytool?submit*) printf '%s' "$NOTARY_SAYS";; esac
"""


def mach_o(macos_version: str = "13.0", needed: tuple[str, ...] = ()) -> bytes:
    """Return a library that says on which macOS it runs, and what it needs."""
    major, minor = map(int, macos_version.split("."))
    commands = [struct.pack("<6I", 0x32, 24, 1, major << 16 | minor << 8, 0, 0)]
    for name in needed:
        text = name.encode() + b"\0" * (8 - len(name) % 8)
        commands.append(struct.pack("<6I", 0xC, 24 + len(text), 24, 0, 0, 0) + text)
    body = b"".join(commands)
    return struct.pack("<8I", 0xFEEDFACF, 0x0100000C, 0, 6, len(commands), len(body), 0, 0) + body


def fat(*parts: bytes) -> bytes:
    """Return a library for several processors."""
    start, places = 8 + 20 * len(parts), []
    for part in parts:
        places.append((start, len(part)))
        start += len(part)
    entries = b"".join(struct.pack(">5I", 1, 0, place, size, 0) for place, size in places)
    return struct.pack(">4sI", b"\xca\xfe\xba\xbe", len(parts)) + entries + b"".join(parts)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    app = tmp_path / "Eyebright.app"
    inside = app / "Contents" / "Frameworks"
    framework = inside / "PySide6" / "Qt" / "lib" / "QtCore.framework"
    qt = framework / "Versions" / "A" / "QtCore"
    for path, content in {
        app / "Contents" / "MacOS" / "eyebright": mach_o(
            needed=("@executable_path/../Frameworks/libpython3.12.dylib",)
        ),
        inside / "libpython3.12.dylib": fat(mach_o("11.0"), mach_o("10.15")),
        inside / "llama_cpp" / "lib" / "libllama.dylib": mach_o(needed=("/usr/lib/libSystem.B.dylib",)),
        inside / "PySide6" / "QtCore.abi3.so": mach_o("15.0", ("@rpath/QtCore.framework/Versions/A/QtCore",)),
        qt: mach_o(),
        app / "Contents" / "Resources" / "resources" / "catalogue.toml": b"",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (framework / "Versions" / "Current").symlink_to("A")
    (framework / "QtCore").symlink_to("Versions/Current/QtCore")
    return app


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put scripts in the place of Apple's tools; return the file in which they note how they were called."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("codesign", "xcrun", "ditto", "hdiutil"):
        (folder / name).write_text(_TOOL)
        (folder / name).chmod(0o755)
    log = tmp_path / "tools.log"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TOOLS_LOG", str(log))
    for name in (mac_signing.IDENTITY, *mac_signing.NOTARY):
        monkeypatch.delenv(name, raising=False)
    return log


def said(log: Path, app: Path) -> list[str]:
    return log.read_text().replace(f"{app.parent}/", "").splitlines()


def test_a_bundle_tells_what_it_needs(app: Path) -> None:
    found = {binary.path.name: binary.macos for binary in macho.binaries(app)}
    assert found == {
        "eyebright": "13.0",
        "libpython3.12.dylib": "11.0",
        "libllama.dylib": "13.0",
        "QtCore.abi3.so": "15.0",
        "QtCore": "13.0",
    }
    assert macho.too_new(app) == []
    assert macho.missing(app) == {}


def test_what_needs_a_newer_macos_or_a_library_that_nobody_brings_ends_it(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = app / "Contents" / "Frameworks" / "libnew.dylib"
    library.write_bytes(mach_o("15.4"))
    with pytest.raises(SystemExit):
        macos.prepare(app)
    assert "libnew.dylib (15.4)" in capsys.readouterr().err
    library.write_bytes(fat(mach_o(), mach_o(needed=("@rpath/libgone.dylib",))))
    with pytest.raises(SystemExit):
        macos.prepare(app)
    assert "Neither macOS nor the program brings @rpath/libgone.dylib (for libnew.dylib)" in capsys.readouterr().err


def test_what_lies_inside_is_signed_first(app: Path) -> None:
    libraries, programs = mac_signing.inside_out(app)
    inside = app / "Contents" / "Frameworks"
    assert libraries == [
        inside / "PySide6" / "Qt" / "lib" / "QtCore.framework",  # and so what it is there for
        inside / "llama_cpp" / "lib" / "libllama.dylib",
        inside / "PySide6" / "QtCore.abi3.so",
        inside / "libpython3.12.dylib",
    ]
    assert programs == [app]


def test_without_a_certificate_it_is_signed_by_nobody(
    app: Path, tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac_signing.sign(app)
    assert (
        capsys.readouterr().err
        == "eyebright: Eyebright.app is signed ad hoc, by nobody: EYEBRIGHT_SIGN_MACOS is not set.\n"
    )
    inside, outside, verified = said(tools, app)
    assert inside.startswith("codesign --force --sign - --timestamp=none Eyebright.app/Contents/Frameworks/PySide6")
    assert outside == "codesign --force --sign - --timestamp=none Eyebright.app"
    assert verified == "codesign --verify --deep --strict Eyebright.app"
    archive = app.with_name("Eyebright.zip")
    assert not mac_signing.notarise(archive)
    assert capsys.readouterr().err == (
        "eyebright: Eyebright.zip is not notarised: EYEBRIGHT_SIGN_MACOS, EYEBRIGHT_NOTARY_KEY, "
        "EYEBRIGHT_NOTARY_KEY_ID, EYEBRIGHT_NOTARY_ISSUER are not set.\n"
    )
    assert len(said(tools, app)) == 3


def test_with_a_certificate_the_runtime_is_hardened_and_only_the_program_has_rights(
    app: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(mac_signing.IDENTITY, "Developer ID Application: Somebody (TEAM)")
    mac_signing.sign(app)
    inside, outside, _verified = said(tools, app)
    assert all("--options runtime --timestamp " in line for line in (inside, outside))
    assert "--entitlements" not in inside
    assert "packaging/macos/entitlements.plist Eyebright.app" in outside


def test_what_apple_does_not_accept_is_not_released(
    app: Path, tools: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(mac_signing.IDENTITY, "Somebody")
    for name in mac_signing.NOTARY:
        monkeypatch.setenv(name, f"my-{name[-3:]}")
    key = "--key my-KEY --key-id my-_ID --issuer my-UER"
    archive = app.with_name("Eyebright.zip")
    monkeypatch.setenv("NOTARY_SAYS", '{"id": "7", "status": "Accepted"}')
    assert mac_signing.notarise(archive)
    mac_signing.staple(archive)
    assert said(tools, app) == [
        f"xcrun notarytool submit Eyebright.zip {key} --wait --timeout 45m --output-format json",
        "xcrun stapler staple Eyebright.zip",
    ]
    monkeypatch.setenv("NOTARY_SAYS", '{"id": "8", "status": "Invalid"}')
    with pytest.raises(SystemExit):
        mac_signing.notarise(archive)
    assert "Apple did not accept Eyebright.zip: Invalid." in capsys.readouterr().err
    assert said(tools, app)[-1] == f"xcrun notarytool log 8 {key}"
    monkeypatch.setenv("NOTARY_SAYS", "")
    with pytest.raises(SystemExit):
        mac_signing.notarise(archive)


def test_the_image_holds_the_program_and_the_way_to_the_applications(
    app: Path, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(macos, "BUILD", tmp_path / "build")
    macos.make_image(app, tmp_path / "eyebright.dmg")
    assert said(tools, app) == [
        "ditto Eyebright.app build/image/Eyebright.app",
        "hdiutil create -volname Eyebright -srcfolder build/image -fs HFS+ -format ULMO eyebright.dmg",
    ]
