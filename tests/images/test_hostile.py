"""Damaged and hostile picture files get a clear refusal, or a word about what is missing: never an exception."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from desktop_app.engine.planning.process_memory import peak_memory, reset_peak_memory
from desktop_app.errors import UserError
from desktop_app.images import reading
from desktop_app.images.reading import open_picture, read_picture
from tests.images.files import scene
from tests.images.mutations import BOMBS, try_mutations
from tests.images.test_reading import ALL, PICTURES, code_of, difference

MISSING = {"picture-lower-part-missing", "picture-part-missing", "picture-end-missing"}
BROKEN = {"picture-damaged", "picture-ends-early", "picture-unusual"}
# Their frames or pages after the first may be missing, and nobody would look at them.
FIRST_OF_MANY = {"animated.gif", "animated.png", "two-pages.tif"}


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_claiming(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(bytes(1000)))


def claiming(width: int, height: int) -> dict[str, bytes]:
    """Return small files whose headers claim a size: name -> bytes."""
    jpeg = bytearray((PICTURES / "plain.jpg").read_bytes())
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    gif = bytearray((PICTURES / "plain.gif").read_bytes())
    gif[6:10] = struct.pack("<HH", width, height)
    bmp = bytearray((PICTURES / "24-bit.bmp").read_bytes())
    bmp[18:26] = struct.pack("<ii", width, height)
    return {
        "bomb.png": png_claiming(width, height),
        "bomb.jpg": bytes(jpeg),
        "bomb.gif": bytes(gif),
        "bomb.bmp": bytes(bmp),
    }


@pytest.mark.parametrize("name", sorted(claiming(1, 1)))
def test_a_size_over_the_limit_is_refused_from_the_header(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(claiming(50_000, 50_000)[name])
    before = time.process_time()
    with pytest.raises(UserError) as caught:
        open_picture(path, name)
    assert time.process_time() - before < 1
    assert caught.value.code == "picture-too-large"
    assert caught.value.parameters == {"name": name, "megapixels": 2500, "limit": 100}


def test_a_size_just_over_the_limit_is_not_called_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(10_001, 10_000))
    with pytest.raises(UserError) as caught:
        open_picture(path, "bomb.png")
    assert caught.value.parameters["megapixels"] == 101


def test_large_modern_pictures_are_refused_from_the_header(tmp_path: Path) -> None:
    """WebP ends at 16383 pixels a side, of which 6200 x 16383 already is too much."""
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16382).to_bytes(3, "little") + (6199).to_bytes(3, "little")
    frame = (PICTURES / "lossless.webp").read_bytes()[12:]
    path = tmp_path / "bomb.webp"
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(canvas + frame)) + b"WEBP" + canvas + frame)
    assert code_of(path) in BROKEN | {"picture-too-large"}


def test_the_limit_itself_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_PIXELS", 200 * 150)
    open_picture(PICTURES / "plain.png", "plain.png")
    monkeypatch.setattr(reading, "MAX_PIXELS", 200 * 150 - 1)
    assert code_of(PICTURES / "plain.png") == "picture-too-large"


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "film.webp"
    with path.open("wb") as file:
        file.write(b"RIFF\xff\xff\xff\xffWEBP")
        file.truncate(reading.MAX_FILE_BYTES + 1)  # a hole: takes no space
    assert code_of(path) == "file-too-large"


NOT_PICTURES = {
    "text.png": b"This is a letter, not a picture.\n" * 20,
    "bmw.bmp": b"BMW builds cars, and this is only text about them.\n" * 10,
    "drawing.svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "paper.pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "film.mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(200),
    "film.mov": b"\0\0\0\x14ftypqt  \0\0\2\0qt  " + bytes(200),
    "sound.wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
    "page.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "model.gguf": b"GGUF\3\0\0\0" + bytes(100),
    "zeros.jpg": bytes(5000),
    "one-byte.png": b"\x89",
    "icon.ico": b"\0\0\1\0\1\0" + bytes(60),
}


@pytest.mark.parametrize("name", sorted(NOT_PICTURES))
def test_other_files_are_not_pictures(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(NOT_PICTURES[name])
    assert code_of(path) == "not-a-picture"


def test_a_whole_but_unusual_picture_is_said_to_be_so() -> None:
    assert code_of(PICTURES / "unusual.tif") == "picture-unusual"


def is_a_part(picture: Image.Image, whole: Image.Image) -> bool:
    """Return whether a picture is the upper, lower, left or right part of another."""
    width, height = picture.size
    places = {(0, 0), (whole.width - width, 0), (0, whole.height - height)}
    return any(difference(picture, whole.crop((x, y, x + width, y + height))) < 1 for x, y in places)


@pytest.mark.parametrize("name", ALL)
def test_a_truncated_file_is_refused_or_complete_or_said_to_be_not(tmp_path: Path, name: str) -> None:
    """Cut at many points, and once more in the last bytes: a part that is missing is never shown grey, or black."""
    content = (PICTURES / name).read_bytes()
    whole = open_picture(PICTURES / name, name)
    path = tmp_path / name
    unharmed, codes = 0, set()
    cuts = [*range(len(content) // 14, len(content) - 1, max(1, len(content) // 14)), len(content) - 1]
    for cut in cuts:
        path.write_bytes(content[:cut])
        try:
            read = read_picture(path, name)
        except UserError as error:
            codes.add(error.code)
            continue
        said = {note.code for note in read.notes} & MISSING
        where = f"cut after {cut} of {len(content)} bytes: {said}, {read.image.size}"
        if not said:
            unharmed += 1
            assert difference(read.image, whole) < 0.5, where
        elif said != {"picture-end-missing"}:
            assert is_a_part(read.image, whole), where
        assert read.image.size == (read.width, read.height)
    assert codes <= BROKEN | {"not-a-picture"}
    assert unharmed <= (len(cuts) // 2 + 2 if name in FIRST_OF_MANY else 3)


@pytest.mark.parametrize("name", ["plain.png", "plain.jpg", "progressive.jpg"])
def test_of_a_file_that_goes_on_with_zeros_what_is_there_is_shown(tmp_path: Path, name: str) -> None:
    content = (PICTURES / name).read_bytes()
    whole = open_picture(PICTURES / name, name)
    path = tmp_path / name
    for part in (5, 6, 7, 8, 9):
        cut = len(content) * part // 10
        path.write_bytes(content[:cut] + bytes(max(300, len(content) - cut)))
        read = read_picture(path, name)
        if name == "progressive.jpg":
            assert [note.code for note in read.notes] == ["picture-end-missing"], part
            assert difference(read.image, whole) < 5
        else:
            assert [note.code for note in read.notes] == ["picture-lower-part-missing"]
            assert read.image.width == whole.width
            assert is_a_part(read.image, whole)


@pytest.mark.parametrize("name", ["lossy.webp", "plain.heic", "plain.avif"])
def test_a_file_that_goes_on_with_zeros_is_refused(tmp_path: Path, name: str) -> None:
    content = (PICTURES / name).read_bytes()
    path = tmp_path / name
    for part in (3, 5, 6, 7):
        cut = len(content) * part // 10
        path.write_bytes(content[:cut] + bytes(len(content) - cut))
        assert code_of(path) in BROKEN


def test_a_film_behind_a_photograph_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "motion.jpg"
    path.write_bytes((PICTURES / "plain.jpg").read_bytes() + NOT_PICTURES["film.mp4"] * 50)
    open_picture(path, path.name)


def test_damage_anywhere_raises_nothing_but_a_user_error(tmp_path: Path) -> None:
    """A sample of what `make test-faults` tries; what still can be read is a real picture."""
    outcomes = try_mutations(tmp_path / "damaged", seed=20261123, count=400)
    assert not [outcome for outcome in outcomes if outcome.complaint]
    assert 50 < sum(outcome.read for outcome in outcomes) < 350


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_is_refused_at_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BOMBS[name])
    before = time.thread_time()
    if name == "second-frame.gif":  # of which the first is there
        assert open_picture(path, name).size == (1, 1)
    else:
        assert code_of(path) in {"picture-too-large", "picture-too-slow", *BROKEN}
    assert time.thread_time() - before < 5


def test_a_small_gif_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    """43 bytes, of which the frame is 65535 x 65535 and is to be disposed of: it took 4.1 GB."""
    path = tmp_path / "small.gif"
    path.write_bytes(BOMBS["dispose.gif"])
    reset_peak_memory()
    held = peak_memory()
    assert code_of(path) == "picture-too-large"
    assert peak_memory() - held < 50_000_000


def test_as_many_scans_as_programs_write_are_read(tmp_path: Path) -> None:
    scene().resize((3000, 2000)).save(tmp_path / "many.jpg", progressive=True, subsampling=0)
    open_picture(tmp_path / "many.jpg", "many.jpg")
    assert 6 <= (tmp_path / "many.jpg").read_bytes().count(b"\xff\xda") <= 12


def test_no_external_program_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen", refuse)
    monkeypatch.setattr("os.system", refuse)
    for name in ALL:
        open_picture(PICTURES / name, name)


def test_an_encapsulated_postscript_inside_a_picture_name_is_not_run(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "page.eps")
    assert code_of(tmp_path / "page.eps") == "not-a-picture"


@pytest.mark.parametrize("name", ["lossy.webp", "lossless.webp", "plain.heic", "plain.avif"])
@pytest.mark.parametrize("tenths", [1, 6, 9])
def test_of_a_picture_that_is_nothing_without_its_end_it_is_said(tmp_path: Path, name: str, tenths: int) -> None:
    content = (PICTURES / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: len(content) * tenths // 10])
    with pytest.raises(UserError, match=r"ends early.*not copied or downloaded completely") as raised:
        open_picture(path, name)
    assert raised.value.code == "picture-ends-early"
