"""What belongs into the frozen program, what PyInstaller would add needlessly, and why the large files are there."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib import import_module

from provision import unpack_pyside
from PyInstaller.utils.hooks import collect_data_files, collect_submodules

from desktop_app.markdown.highlighting import LEXERS

#: Imported by name only, or inside functions that PyInstaller does not see through.
HIDDEN = [
    *collect_submodules("desktop_app"),
    *collect_submodules("model_store"),
    *collect_submodules("keyring.backends", filter=lambda name: "SecretService" not in name or sys.platform == "linux"),
]
#: Pygments finds a lexer by its name; of some 250 modules with lexers only these are taken along.
LEXER_MODULES = [f"pygments.lexers.{name}" for name in LEXERS]
#: The font that formulas are drawn with, and what latex2mathml knows of signs.
FORMULAS = [entry for name in ("ziamath", "ziafont", "latex2mathml") for entry in collect_data_files(name)]
#: Distributions whose versions and entry points are asked for when the program runs.
METADATA = ("PySide6-Essentials", "llama-cpp-python", "numpy", "pillow", "pillow-heif", "huggingface_hub", "keyring")
#: Never imported by what the program does.
EXCLUDED = [
    "hf_xet",  # another way to fetch, which the model store switches off
    "llama_cpp.server",
    "numpy.f2py", "numpy.testing", "numpy._pyinstaller", "numpy.distutils",
    "pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel",
    "tkinter", "unittest", "pydoc", "doctest", "lib2to3", "idlelib", "turtle", "turtledemo", "ensurepip", "venv",
    "IPython", "pytest", "matplotlib", "torch", "tensorflow", "pandas", "PyInstaller",
    "PySide6.QtNetwork", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtOpenGL",
]  # fmt: skip

#: Of each kind of Qt's plugins, those that are taken along. What only the others need is left out as well
#: (packaging/release/linux/elf.py), so that it does not matter which desktop the packages are made on.
_PLUGINS = {
    "platforms": r"q(xcb|wayland|offscreen|windows|cocoa)\.",
    # Every desktop shows its own dialogs through its portal. The plugin for GTK would bring this computer's GTK.
    "platformthemes": r"qxdgdesktopportal",
    "platforminputcontexts": r"(ibus|compose)platforminputcontext",
    "imageformats": r"q(jpeg|ico|icns)",  # of the program's own files, and of previews that the engine encoded
    "styles": r".*",
    "wayland-shell-integration": r"(xdg-shell|fullscreen-shell)",
    "wayland-decoration-client": r".*",
}
_PLUGIN = re.compile(r"PySide6[/\\](?:Qt[/\\])?plugins[/\\]([^/\\]+)[/\\](?:lib)?(.+)")
_UNWANTED = re.compile(
    r"""
    PySide6[/\\](Qt[/\\])?(qml|libexec|metatypes)[/\\]
    | PySide6[/\\](Qt[/\\])?translations[/\\](?!qtbase_)          # of Qt's words, those of dialogs and buttons
    # Came along with plugins.
    | (lib)?Qt6?(Qml|Quick|Network|OpenGL|WlShell|Pdf|VirtualKeyboard|EglF|Sql|Test|PrintSupport)
    | opengl32sw\.dll | d3dcompiler | ^ffmpeg
    | ggml-metal                                                  # the engine computes on the processor
    # The system's own: they must fit its X server, its fonts or its bus, and every desktop has them.
    | ^lib(X11|X11-xcb|xcb|xcb-(glx|randr|render|shape|shm|sync|xfixes|xkb)|Xau|Xdmcp|Xext|Xrender|ICE|SM|fontconfig
           |freetype|expat|glib-2\.0|gthread-2\.0|pcre2?-8|dbus-1|systemd|wayland-\w+|EGL|GL|GLX|GLdispatch|gssapi_krb5|krb5|krb5support
           |k5crypto|com_err|keyutils|z|png16|brotli\w+|bsd|md|lz4|lzma|zstd|gcrypt|gpg-error|cap|selinux|mount|blkid|uuid
           |stdc\+\+|gcc_s|mvec)\.so
    | \.(pyi|h|hpp|cmake|pc|a|lib)$
    | (^|[/\\])(tests?|testing)[/\\]
    """,
    re.VERBOSE,
)


def unpacked_pyside() -> list[tuple[str, str]]:
    """Return where the Python part of PySide6 is unpacked (packaging/provision/unpack_pyside.py), and where it goes."""
    if sys.platform == "darwin":
        return []  # a folder with a dot in its name is a bundle there, and would have to be signed as one
    folder = unpack_pyside.package() / unpack_pyside.UNPACKED
    return [(str(folder), f"shiboken6/{unpack_pyside.UNPACKED}")] if folder.is_dir() else []


def is_wanted(name: str) -> bool:
    """Return whether a file that PyInstaller has found belongs into the program; `name` is its place there."""
    if plugin := _PLUGIN.search(name):
        kind, file = plugin.groups()
        return bool(re.match(_PLUGINS.get(kind, "$nothing"), file))
    return not _UNWANTED.search(name)


def is_wanted_module(name: str) -> bool:
    """Return whether a Python module that PyInstaller has found belongs into the program."""
    return not name.startswith("pygments.") or name in _pygments() or name.startswith("pygments.lexers._")


@cache
def _pygments() -> frozenset[str]:
    """Return the modules of Pygments that its lexers need, and no formatters and styles."""
    for name in LEXER_MODULES:
        import_module(name)
    return frozenset(name for name in sys.modules if name.startswith("pygments."))


#: Why a large file is needed: the first pattern that its path has.
REASONS = (
    (r"libicudata", "Unicode's tables, which Qt breaks lines and compares words with"),
    (r"libicu", "Unicode: Qt is linked to it"),
    (r"Qt6?Gui", "Qt: fonts, pictures, windows"),
    (r"Qt6?Core", "Qt: what everything else in it stands on"),
    (r"Qt6?Widgets", "Qt: the widgets the window is made of"),
    (r"plugins[/\\]", "Qt: windows, styles and pictures as this system has them"),
    (r"Qt6?(XcbQpa|Wayland|DBus|OpenGL|Svg)", "Qt: X11, Wayland, the desktop's bus, our icons"),
    (r"PySide6.*Qt(Core|Gui|Widgets)\.|(pyside|shiboken)6", "Qt for Python"),
    (r"eyebright-tiny", "the built-in model"),
    (r"eyebright-inter", "the typeface of the window"),
    (r"ziamath|ziafont|latex2mathml", "formulas: a font with mathematical signs, and what the signs are called"),
    (r"ggml-cpu", "llama.cpp for one kind of processor: the best that runs is loaded"),
    (r"lib(llama|mtmd|ggml)|llama\.dll|mtmd\.dll|ggml", "llama.cpp"),
    (r"openblas", "numpy is linked to it"),
    (r"numpy", "arrays: pictures and embeddings"),
    (r"lib(x265|de265|heif|aom|dav1d|avif|SvtAv1|kvazaar)|pillow_heif|_avif", "HEIC and AVIF, as telephones make them"),
    (r"PIL|pillow", "opens pictures"),
    (r"cryptography|_rust|libcrypto|libssl|_ssl", "TLS, hashes, and the keyring of the desktop"),
    (r"libpython|python3\d+\.dll|Python$", "Python"),
    (r"base_library\.zip|PYZ|(^|[/\\])eyebright(-cli)?(\.exe)?$", "all Python code of the program"),
    (r"(lib)?stdc\+\+-|libgcc_s|(?i:msvcp|vcruntime)\d|ucrtbase|concrt", "what compilers of C++ bring"),
    (r"sqlite", "the database of conversations"),
    (r"unicodedata|charset", "what Python knows of Unicode"),
)  # fmt: skip


def reason(name: str) -> str:
    """Return why a file is needed; empty: nobody has said."""
    return next((why for pattern, why in REASONS if re.search(pattern, name)), "")
