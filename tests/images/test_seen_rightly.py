"""Pictures are seen as they are meant: their ground, their colours, the right page and frame of them."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from desktop_app.images.preview import inspect
from desktop_app.images.reading import Picture, read_picture
from tests.images.files import BLUE, RED, SIZE, Tags, Tiff, chunk, png_with, raw_png, saved, scene, with_clap
from tests.images.test_reading import difference

Colour = tuple[int, int, int]


def read(folder: Path, content: bytes) -> Picture:
    """Return what is read of a file, after a look at whether the window shows the same."""
    path = folder / "picture"
    path.write_bytes(content)
    seen = inspect(path, "picture")
    picture = read_picture(path, "picture")
    with Image.open(io.BytesIO(seen.preview)) as preview:
        assert difference(preview.convert("RGB"), picture.image) < 2
    return picture


def is_scene(picture: Image.Image, tolerance: float = 3) -> bool:
    return picture.size == SIZE and difference(picture, scene()) < tolerance


def codes(picture: Picture) -> list[str]:
    return [note.code for note in picture.notes]


# ---- transparency ------------------------------------------------------------------------------------


def disc(colour: Colour, size: int = 160) -> Image.Image:
    """Return a disc on nothing."""
    rows, columns = np.ogrid[:size, :size]
    inside = (rows - size / 2) ** 2 + (columns - size / 2) ** 2 < (size / 3) ** 2
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[inside] = (*colour, 255)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_white_on_nothing_is_seen(tmp_path: Path, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    shown = read(tmp_path, saved(disc((255, 255, 255)), kind, **options)).image
    assert shown.getpixel((80, 80)) == (255, 255, 255)
    assert shown.getpixel((2, 2)) == (0, 0, 0)


@pytest.mark.parametrize("colour", [(0, 0, 0), RED, BLUE, (128, 128, 128)])
def test_other_colours_lie_on_white(tmp_path: Path, colour: Colour) -> None:
    shown = read(tmp_path, saved(disc(colour), "PNG")).image
    assert (shown.getpixel((80, 80)), shown.getpixel((2, 2))) == (colour, (255, 255, 255))


def test_black_beside_white_lies_on_grey(tmp_path: Path) -> None:
    both = Image.new("RGBA", (320, 160))
    both.paste(disc((0, 0, 0)), (0, 0))
    both.paste(disc((255, 255, 255)), (160, 0))
    shown = read(tmp_path, saved(both, "PNG")).image
    assert (shown.getpixel((80, 80)), shown.getpixel((240, 80))) == ((0, 0, 0), (255, 255, 255))
    assert shown.getpixel((2, 2)) == (128, 128, 128)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_an_alpha_of_zero_everywhere_is_none(tmp_path: Path, kind: str) -> None:
    picture = scene("RGBA")
    picture.putalpha(0)
    if kind == "BMP":
        pixels = np.asarray(picture)[::-1, :, [2, 1, 0, 3]].tobytes()
        head = struct.pack("<IiiHHIIiiII", 108, *SIZE, 1, 32, 3, len(pixels), 0, 0, 0, 0)
        head += struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs"
        head += bytes(108 - len(head))
        content = b"BM" + struct.pack("<IHHI", 14 + 108 + len(pixels), 0, 0, 14 + 108) + head + pixels
    else:
        content = saved(picture, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    assert is_scene(read(tmp_path, content).image)


def test_grey_with_alpha_multiplied_in_is_read(tmp_path: Path) -> None:
    """Pillow converts this mode in two steps only."""
    values = np.zeros((40, 60, 2), np.uint8)
    values[:, :30] = (90, 255)
    tiff = Tiff()
    tiff.page({**tiff.pixels(values), 262: (1,), 338: (1,)})
    shown = read(tmp_path, tiff.content()).image
    assert (shown.getpixel((5, 5)), shown.getpixel((50, 5))) == ((90, 90, 90), (255, 255, 255))


@pytest.mark.parametrize(("bits", "clear"), [(1, 0), (2, 1), (4, 7), (8, 85)])
def test_grey_below_eight_bits_may_have_a_transparent_level(tmp_path: Path, bits: int, clear: int) -> None:
    """The left half is the transparent level, the right half black."""
    black = 1 if clear == 0 else 0
    line = "".join(format(clear if column < 16 else black, f"0{bits}b") for column in range(32))
    lines = (b"\0" + int(line, 2).to_bytes(4 * bits, "big")) * 8
    content = raw_png((32, 8, bits, 0), lines, chunk(b"tRNS", struct.pack(">H", clear)))
    shown = read(tmp_path, content).image
    right = shown.getpixel((24, 4))
    assert shown.getpixel((4, 4)) == ((0, 0, 0) if right == (255, 255, 255) else (255, 255, 255))
    assert right == ((255, 255, 255) if bits == 1 else (0, 0, 0))


def test_sixteen_bit_colours_may_have_a_transparent_one(tmp_path: Path) -> None:
    pixels = np.zeros((8, 32, 3), ">u2")
    pixels[:, :16] = (0x1234, 0xABCD, 0x5678)
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    content = raw_png((32, 8, 16, 2), lines, chunk(b"tRNS", struct.pack(">3H", 0x1234, 0xABCD, 0x5678)))
    shown = read(tmp_path, content).image
    assert (shown.getpixel((4, 4)), shown.getpixel((24, 4))) == ((255, 255, 255), (0, 0, 0))


# ---- colours -----------------------------------------------------------------------------------------


def linear(picture: Image.Image) -> Image.Image:
    """Return the light of a picture in sRGB."""
    values = np.asarray(picture) / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return Image.fromarray(np.rint(light * 255).astype(np.uint8))


def linear_profile(name: bytes) -> bytes:
    """Return sRGB's profile with straight curves and another name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(int.from_bytes(profile[128:132], "big")):
        tag = bytes(profile[132 + 12 * number : 144 + 12 * number])
        if tag[:4] in (b"rTRC", b"gTRC", b"bTRC"):
            start = int.from_bytes(tag[4:8], "big")
            profile[start : start + 16] = b"para" + bytes(8) + (1 << 16).to_bytes(4, "big")
        elif tag[:4] == b"desc":
            start = int.from_bytes(tag[4:8], "big")
            length = int.from_bytes(profile[start + 20 : start + 24], "big")
            where = start + int.from_bytes(profile[start + 24 : start + 28], "big")
            profile[where : where + length] = name.decode().encode("utf-16-be")[:length].ljust(length, b"\0")
    return bytes(profile)


def test_a_profile_counts_not_its_name(tmp_path: Path) -> None:
    profile = linear_profile(b"sRGB lin")
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    content = saved(linear(scene()), "PNG", icc_profile=profile)
    assert is_scene(read(tmp_path, content).image)


def test_the_profile_of_srgb_changes_nothing(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert difference(read(tmp_path, saved(scene(), "PNG", icc_profile=profile)).image, scene()) == 0


@pytest.mark.parametrize("gamma", [100_000, 45_455, 0, 7, 4_000_000_000])
def test_linear_light_is_seen_and_nonsense_ignored(tmp_path: Path, gamma: int) -> None:
    picture = linear(scene()) if gamma == 100_000 else scene()
    assert is_scene(read(tmp_path, png_with(chunk(b"gAMA", struct.pack(">I", gamma)), picture=picture)).image)


def test_gamma_stands_back_behind_srgb(tmp_path: Path) -> None:
    content = png_with(chunk(b"gAMA", struct.pack(">I", 100_000)), chunk(b"sRGB", b"\0"))
    assert is_scene(read(tmp_path, content).image)


def in_pq() -> Image.Image:
    """Return the scene in BT.2020 with the PQ curve, white at 203 cd/m2: grey and pale where that is not known."""
    light = np.asarray(linear(scene())).astype(float) / 255
    wide = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    power = (np.clip(light @ wide.T, 0, None) * 203 / 10_000) ** 0.1593017578125
    coded = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return Image.fromarray(np.rint(coded * 255).astype(np.uint8))


def test_a_png_of_high_dynamic_range_is_seen_as_it_would_be_on_paper(tmp_path: Path) -> None:
    assert not is_scene(in_pq(), 20)
    shown = read(tmp_path, png_with(chunk(b"cICP", bytes([9, 16, 0, 1])), picture=in_pq())).image
    assert is_scene(shown, 5), [shown.getpixel(place) for place in ((2, 2), (90, 90), (250, 150))]


def test_an_avif_of_high_dynamic_range_is_seen_as_it_would_be_on_paper(tmp_path: Path) -> None:
    content = saved(in_pq(), "AVIF", quality=100, subsampling="4:4:4")
    place = content.index(b"nclx") + 4
    shown = read(tmp_path, content[:place] + struct.pack(">2H", 9, 16) + content[place + 4 :]).image
    assert is_scene(shown, 7), [shown.getpixel(place) for place in ((2, 2), (90, 90), (250, 150))]


def test_the_cropping_of_an_avif_is_obeyed(tmp_path: Path) -> None:
    content = with_clap(saved(scene(), "AVIF", quality=95), 160, 120, -80, -40)
    picture = read(tmp_path, content)
    assert (picture.width, picture.height) == (160, 120)
    assert difference(picture.image, scene().crop((0, 0, 160, 120))) < 4


# ---- TIFF --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tiles", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK"])
def test_sixteen_bits_in_planes_are_no_noise(tmp_path: Path, order: str, tiles: bool, mode: str) -> None:
    values = np.asarray(scene(mode)).astype(np.uint16) * 257
    tiff = Tiff(order)
    tags: Tags = tiff.pixels(values)
    kind = order + "u2"
    starts = []
    for plane in np.moveaxis(values, 2, 0):
        if tiles:  # of 160 x 112 pixels
            large = np.pad(plane, ((0, 24), (0, 0)))
            cut = [large[y : y + 112, x : x + 160] for y in (0, 112) for x in (0, 160)]
            starts += [tiff.data(tile.astype(kind).tobytes()) for tile in cut]
        else:
            starts += [tiff.data(part.astype(kind).tobytes()) for part in (plane[:150], plane[150:])]
    del tags[273], tags[278], tags[279]
    tags |= {284: (2,), 262: (5 if mode == "CMYK" else 2,)}
    tags |= {338: (2,)} if mode == "RGBA" else {}
    if tiles:
        tags |= {322: (160,), 323: (112,), 324: tuple(starts), 325: (160 * 112 * 2,) * len(starts)}
    else:
        counts = (320 * 150 * 2, 320 * 50 * 2) * len(mode)
        tags |= {273: tuple(starts), 278: (150,), 279: counts}
    tiff.page(tags)
    assert is_scene(read(tmp_path, tiff.content()).image, 12 if mode == "CMYK" else 3)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white", [0, 1])
def test_zero_may_be_white_in_sixteen_bits(tmp_path: Path, order: str, white: int) -> None:
    values = np.asarray(scene("L")).astype(np.uint16) * 257
    tiff = Tiff(order)
    tiff.page({**tiff.pixels(values if white else 65535 - values), 262: (white,)})
    assert difference(read(tmp_path, tiff.content()).image, scene("L").convert("RGB")) < 1


@pytest.mark.parametrize("deep", [False, True])
def test_a_colour_map_may_have_eight_bits(tmp_path: Path, deep: bool) -> None:
    palette = scene().quantize(16)
    colours = np.asarray(palette.getpalette()).reshape(-1, 3)
    table = np.zeros((256, 3), int)
    table[: len(colours)] = colours * (257 if deep else 1)
    colour_map = tuple(int(number) for number in table.T.reshape(-1))
    tiff = Tiff()
    tiff.page({**tiff.pixels(np.asarray(palette)), 262: (3,), 320: colour_map})
    assert is_scene(read(tmp_path, tiff.content()).image)


def thumbnail_page(tiff: Tiff) -> Tags:
    small = np.asarray(scene().resize((160, 100)))
    return {**tiff.pixels(small), 254: (1,)}


def sensor_page(tiff: Tiff) -> int:
    """Add what the sensor of a camera saw, which needs a raw converter."""
    return tiff.directory({**tiff.pixels(np.zeros((300, 480), np.uint16)), 262: (32803,)})


def raw_files() -> dict[str, bytes]:
    """Return files that are built as those of cameras: name -> bytes."""
    jpeg = saved(scene(), "JPEG", quality=95)
    small = saved(scene().resize((160, 100)), "JPEG")

    nef = Tiff()  # a thumbnail; below it the JPEG, and the sensor
    preview = nef.directory({254: (1,), 259: (6,), 513: (nef.data(jpeg),), 514: (len(jpeg),)})
    nef.page({**thumbnail_page(nef), 330: (preview, sensor_page(nef))})

    dng = Tiff(">")  # the same, but the JPEG is one strip
    tags = {254: (1,), 256: (320,), 257: (200,), 258: (8, 8, 8), 259: (7,), 262: (6,), 277: (3,)}
    preview = dng.directory({**tags, 273: (dng.data(jpeg),), 278: (200,), 279: (len(jpeg),)})
    dng.page({**thumbnail_page(dng), 330: (sensor_page(dng), preview)})

    arw = Tiff()  # the JPEG; below it the sensor; then a thumbnail
    arw.page({254: (1,), 259: (6,), 262: (6,), 513: (arw.data(jpeg),), 514: (len(jpeg),), 330: (sensor_page(arw),)})
    arw.page({254: (1,), 259: (6,), 513: (arw.data(small),), 514: (len(small),)})

    scan = Tiff()  # a thumbnail that does not say so, then the page
    scan.page({**thumbnail_page(scan), 254: (0,)})
    scan.page(scan.pixels(np.asarray(scene())))
    return {"NEF": nef.content(), "DNG": dng.content(), "ARW": arw.content(), "scan": scan.content()}


@pytest.mark.parametrize("kind", ["NEF", "DNG", "ARW", "scan"])
def test_a_thumbnail_does_not_stand_for_the_picture(tmp_path: Path, kind: str) -> None:
    picture = read(tmp_path, raw_files()[kind])
    assert is_scene(picture.image)
    assert picture.notes == ()


def test_the_preview_of_a_raw_file_is_turned_as_the_file_says(tmp_path: Path) -> None:
    jpeg = saved(scene(), "JPEG", quality=95)
    tiff = Tiff()
    tiff.page({254: (1,), 259: (6,), 274: (6,), 513: (tiff.data(jpeg),), 514: (len(jpeg),)})
    shown = read(tmp_path, tiff.content())
    assert (shown.width, shown.height) == (200, 320)
    assert difference(shown.image, scene().transpose(Image.Transpose.ROTATE_270)) < 3


def test_of_several_pages_the_first_is_seen_and_said(tmp_path: Path) -> None:
    others = [Image.new("RGB", (640, 400), "navy"), Image.new("RGB", (320, 200), "teal")]
    content = saved(scene(), "TIFF", save_all=True, append_images=others)
    picture = read(tmp_path, content)
    assert is_scene(picture.image)
    assert [str(note) for note in picture.notes] == ["picture has several pages. The model sees page 1 of 3."]


def test_of_several_pictures_in_a_heic_the_primary_one_is_seen_and_said(tmp_path: Path) -> None:
    several = pillow_heif.from_pillow(Image.new("RGB", SIZE, "navy"))
    several.add_from_pillow(scene())
    several.save(tmp_path / "burst", primary_index=1, quality=95)
    picture = read(tmp_path, (tmp_path / "burst").read_bytes())
    assert is_scene(picture.image, 5)
    assert [str(note) for note in picture.notes] == ["picture has several pages. The model sees page 2 of 2."]


# ---- animations --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_empty_first_frame_is_passed_over(tmp_path: Path, kind: str) -> None:
    frames = [scene(), Image.new("RGB", SIZE, "yellow")]
    content = saved(Image.new("RGB", SIZE, "white"), kind, save_all=True, append_images=frames, duration=100)
    picture = read(tmp_path, content)
    assert is_scene(picture.image, 5)
    assert [str(note) for note in picture.notes] == ["picture is an animation. The model sees frame 2 of 3."]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_the_first_frame_is_seen_where_there_is_something_on_it(tmp_path: Path, kind: str) -> None:
    content = saved(scene(), kind, save_all=True, append_images=[Image.new("RGB", SIZE, "yellow")], duration=100)
    picture = read(tmp_path, content)
    assert is_scene(picture.image, 5)
    assert picture.notes[0].parameters == {"name": "picture", "frame": 1, "frames": 2}


# ---- what has no number, and what is hardly there ------------------------------------------------------


@pytest.mark.parametrize("highest", [1.0, 900.0])
def test_infinity_is_white_and_its_negative_black(tmp_path: Path, highest: float) -> None:
    values = np.tile(np.linspace(0, highest, 64, dtype=np.float32), (64, 1))
    values[:20, 32], values[20:40, 32], values[40:, 32] = np.inf, -np.inf, np.nan
    shown = np.asarray(read(tmp_path, saved(Image.fromarray(values), "TIFF")).image)[..., 0]
    assert (shown[10, 32], shown[30, 32], shown[50, 32]) == (255, 0, 0)
    assert (shown[10, 0], shown[10, 63]) == (0, 255)
    assert 120 < shown[10, 31] < 135, "the others are as bright as without"


def test_only_infinity_is_no_failure(tmp_path: Path) -> None:
    values = np.full((64, 64), np.inf, np.float32)
    values[:, :32] = -np.inf
    shown = np.asarray(read(tmp_path, saved(Image.fromarray(values), "TIFF")).image)[..., 0]
    assert (shown[10, 10], shown[10, 50]) == (0, 255)


@pytest.mark.parametrize("alpha", [6, 30, 63])
@pytest.mark.parametrize(("colour", "ground"), [((255, 255, 255), 0), ((0, 0, 0), 255)])
def test_a_faint_mark_on_nothing_is_seen(tmp_path: Path, alpha: int, colour: Colour, ground: int) -> None:
    mark = disc(colour)
    mark.putalpha(mark.getchannel("A").point(lambda value: min(value, alpha)))
    shown = np.asarray(read(tmp_path, saved(mark, "PNG")).image).astype(int)[..., 0]
    assert shown[2, 2] == ground
    assert abs(shown[80, 80] - shown[2, 2]) >= alpha - 1


def test_white_of_two_opacities_is_no_even_picture(tmp_path: Path) -> None:
    mark = disc((255, 255, 255))
    mark.putalpha(mark.getchannel("A").point(lambda value: 80 + value // 2))
    pixels = np.asarray(mark).copy()
    pixels[..., :3] = 255
    shown = np.asarray(read(tmp_path, saved(Image.fromarray(pixels), "PNG")).image).astype(int)[..., 0]
    assert shown[80, 80] - shown[2, 2] > 100
