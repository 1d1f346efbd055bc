"""Makes tests/data/pictures: one drawn scene in every picture format and variant that a person may drop.

The files are kept in the repository, so the tests need none of the programs used here:
ImageMagick 6, libwebp's cwebp and gif2webp, libheif's heif-enc, libavif's avifenc and netpbm.
Most are made by other programs than Pillow, since Pillow is what reads them.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from pillow_heif import from_pillow

PICTURES = Path(__file__).resolve().parent.parent / "tests" / "data" / "pictures"
#: What the program checks an installation with, since nothing in it can write HEIC.
SELF_TEST = PICTURES.parents[2] / "resources" / "self_test" / "red-circle.heic"
CONVERT = "/usr/bin/convert-im6.q16"
SCENE = ["-size", "200x150", "xc:white", "-fill", "rgb(220,30,30)", "-draw", "circle 90,68 140,68"]
CLEAR = [*SCENE[:2], "xc:rgba(0,0,0,0)", *SCENE[3:]]  # black where it is transparent: seen if the alpha is lost
GREY = ["-alpha", "off", "-colorspace", "Gray"]
SMALL = ["-resize", "80x60!"]  # for formats that do not compress

# How the upright picture has to be turned to be stored under each EXIF orientation.
STORED: dict[int, list[str]] = {
    1: [],
    2: ["-flop"],
    3: ["-rotate", "180"],
    4: ["-flip"],
    5: ["-transpose"],
    6: ["-rotate", "270"],
    7: ["-transverse"],
    8: ["-rotate", "90"],
}

# File name -> what convert is told, without the output.
CONVERTED: dict[str, list[str]] = {
    "plain.png": [*SCENE],
    "interlaced.png": [*SCENE, "-interlace", "PNG"],
    "palette.png": [*SCENE, "png8"],
    "palette-transparent.png": [*CLEAR, "png8"],
    "alpha.png": [*CLEAR, "png32"],
    "16-bit.png": [*SCENE, "png48"],
    "16-bit-alpha.png": [*CLEAR, "png64"],
    "grey.png": [*SCENE, *GREY],
    "grey-alpha.png": [*CLEAR, *GREY[2:], "-define", "png:color-type=4"],
    "grey-16-bit.png": [*SCENE, *GREY, "-depth", "16", "-define", "png:bit-depth=16", "-define", "png:color-type=0"],
    "one-bit.png": [*SCENE, *GREY, "-threshold", "50%", "-define", "png:bit-depth=1", "-define", "png:color-type=0"],
    "plain.jpg": [*SCENE, "-quality", "90"],
    "poor.jpg": [*SCENE, "-quality", "25"],
    "progressive.jpg": [*SCENE, "-interlace", "JPEG", "-quality", "85"],
    "cmyk.jpg": [*SCENE, "-colorspace", "CMYK", "-quality", "90"],
    "grey.jpg": [*SCENE, *GREY],
    "plain.gif": [*SCENE],
    "interlaced.gif": [*SCENE, "-interlace", "GIF"],
    "transparent.gif": [*CLEAR],
    "animated.gif": ["-delay", "20", *SCENE, "(", *SCENE, "-negate", ")", "-loop", "0"],
    "24-bit.bmp": [*SCENE, *SMALL, "bmp3"],
    "32-bit-alpha.bmp": [*CLEAR, "-resize", "68x51!", "bmp"],
    "palette-rle.bmp": [*SCENE, "-type", "Palette", "-compress", "RLE", "bmp3"],
    "lzw.tif": [*SCENE, "-compress", "LZW"],
    "big-endian.tif": [*SCENE, "-compress", "Zip", "-define", "tiff:endian=msb"],
    "tiled.tif": [*SCENE, "-compress", "Zip", "-define", "tiff:tile-geometry=64x64"],
    "jpeg.tif": [*SCENE, "-compress", "JPEG"],
    "uncompressed.tif": [*SCENE, *SMALL, "-compress", "None"],
    "two-pages.tif": [*SCENE, "(", *SCENE, "-negate", ")", "-compress", "Zip"],
    "16-bit.tif": [*SCENE, "-depth", "16", "-compress", "Zip"],
    "cmyk.tif": [*SCENE, "-alpha", "off", "-colorspace", "CMYK", "-compress", "Zip"],
    "lab.tif": [*SCENE, "-alpha", "off", "-colorspace", "Lab", "-compress", "Zip"],
    "unusual.tif": [*CLEAR, "-colorspace", "CMYK", "-depth", "16", "-compress", "Zip"],  # whole, but refused
    "alpha.tif": [*CLEAR, "-compress", "Zip"],
    "orientation-6.tif": [*SCENE, *STORED[6], "-orient", "RightTop", "-compress", "Zip"],
    "grey-16-bit.tif": [*SCENE, *GREY, "-depth", "16", "-compress", "Zip"],
    "grey-float.tif": [*SCENE, *GREY, "-depth", "32", "-define", "quantum:format=floating-point", "-compress", "Zip"],
    "one-bit.tif": [*SCENE, *GREY, "-threshold", "50%", "-compress", "Group4"],
}


def run(*command: str | Path) -> None:
    """Run a program; its messages are shown, its failure ends the script."""
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def convert(name: str, words: list[str]) -> None:
    """Make one file; a last word without a dash that names a coder chooses it."""
    coder = ""
    if words[-1] in ("png8", "png32", "png48", "png64", "bmp", "bmp3"):
        *words, coder = words
    if "-depth" not in words and coder not in ("png48", "png64"):
        words = [*words, "-depth", "8"]
    run(CONVERT, *words, "-strip", f"{coder}:{PICTURES / name}" if coder else PICTURES / name)


def with_exif_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Return a JPEG with the smallest EXIF segment there can be, in alternating byte orders."""
    order, mark = ("<", b"II") if orientation % 2 else (">", b"MM")
    tiff = mark + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def swapping_profile() -> bytes:
    """Return an ICC profile whose red is sRGB's blue and the other way round: it shows whether it is obeyed."""

    def xyz(x: float, y: float, z: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in (x, y, z)))

    text = b"red and blue swapped\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(2.2 * 256))
    red, green, blue = xyz(0.4361, 0.2225, 0.0139), xyz(0.3851, 0.7169, 0.0971), xyz(0.1431, 0.0606, 0.7141)
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0" + b"No copyright\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": blue,
        b"gXYZ": green,
        b"bXYZ": red,
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    white = struct.pack(">3i", 63190, 65536, 54061)
    head = struct.pack(">I4sI4s4s4s12s4s", start + len(data), b"", 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp")
    return head.ljust(68, b"\0") + white + bytes(48) + table + data


def make_modern(folder: Path) -> None:
    """WebP, HEIC and AVIF, by the programs of their own libraries."""
    plain, alpha, animated = PICTURES / "plain.png", PICTURES / "alpha.png", PICTURES / "animated.gif"
    run("cwebp", "-quiet", "-q", "80", plain, "-o", PICTURES / "lossy.webp")
    run("cwebp", "-quiet", "-lossless", plain, "-o", PICTURES / "lossless.webp")
    run("cwebp", "-quiet", "-q", "80", alpha, "-o", PICTURES / "alpha.webp")
    run("gif2webp", "-quiet", animated, "-o", PICTURES / "animated.webp")
    run("heif-enc", "-q", "80", plain, "-o", PICTURES / "plain.heic")
    shutil.copyfile(PICTURES / "plain.heic", SELF_TEST)
    run("heif-enc", "-q", "80", alpha, "-o", PICTURES / "alpha.heic")
    run("avifenc", "-s", "6", plain, PICTURES / "plain.avif")
    run("avifenc", "-s", "6", "-d", "10", PICTURES / "16-bit.png", PICTURES / "10-bit.avif")
    run("avifenc", "-s", "6", alpha, PICTURES / "alpha.avif")
    turned = folder / "turned.png"
    run(CONVERT, *SCENE, "-rotate", "90", turned)
    run("avifenc", "-s", "6", "--irot", "1", turned, PICTURES / "rotated.avif")
    with Image.open(turned) as picture:  # heif-enc cannot write a rotation
        heif = from_pillow(picture.convert("RGB"))
        exif = Image.Exif()
        exif[0x0112] = 8
        heif.info["exif"] = exif.tobytes()
        heif.save(PICTURES / "rotated.heic", quality=80)


def make_animated_png() -> None:
    """No packaged program writes APNG."""
    with Image.open(PICTURES / "animated.gif") as gif:
        frames = []
        for index in range(2):
            gif.seek(index)
            frames.append(gif.convert("RGB"))
    frames[0].save(PICTURES / "animated.png", save_all=True, append_images=frames[1:], duration=200)


def main() -> int:
    """Make all the files again."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    for name, words in CONVERTED.items():
        convert(name, words)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for orientation, turning in STORED.items():
            stored = folder / f"{orientation}.jpg"
            run(CONVERT, *SCENE, *turning, "-strip", "-quality", "90", stored)
            jpeg = with_exif_orientation(stored.read_bytes(), orientation)
            (PICTURES / f"orientation-{orientation}.jpg").write_bytes(jpeg)
        profile = folder / "swapped.icc"
        profile.write_bytes(swapping_profile())
        for file in ("profile.jpg", "profile.png"):
            swap = ["-separate", "-swap", "0,2", "-combine"]
            run(CONVERT, *SCENE, *swap, "-depth", "8", "+profile", "*", "-profile", profile, PICTURES / file)
        make_modern(folder)
    make_animated_png()
    for path in sorted(PICTURES.iterdir()):
        print(f"{path.stat().st_size:6} {path.name}")
        if path.stat().st_size > 20_000:
            print(f"{path.name} is too large for the repository")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
