"""Removes x265, an encoder of HEIC pictures that the program never uses, from the frozen program.

pillow-heif's wheels contain libheif linked to it. It is 23 MB, a quarter of the program, and under the GPL; Eyebright
only reads HEIC, with libde265. An empty library of the same name, with the functions that libheif imports, takes
its place: asked for an encoder, it has none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from provision.console import give_up

_FUNCTION = re.compile(rb"x265_\w+")
_GET_A_COMPILER = {
    "win32": "install Microsoft's Build Tools, and begin in their x64 Native Tools Command Prompt",
    "darwin": "run xcode-select --install",
}


def take_out(folder: Path) -> list[Path]:
    """Replace every x265 below `folder`; return those that were replaced."""
    encoders = [path for path in folder.rglob("*x265*") if path.is_file() and not path.is_symlink()]
    for encoder in encoders:
        users = [path for path in encoder.parent.glob("*heif*") if path.is_file() and not path.is_symlink()]
        asked = {found.decode() for user in users for found in _FUNCTION.findall(user.read_bytes())}
        # The name of the plugin itself begins alike; a function too many does no harm.
        _write_empty(encoder, sorted(asked))
    return encoders


def _write_empty(library: Path, functions: list[str]) -> None:
    code = "".join(f"EXPORT void *{name}(void) {{ return 0; }}\n" for name in functions)
    export = "__declspec(dllexport)" if os.name == "nt" else '__attribute__((visibility("default")))'
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "empty.c"
        source.write_text(f"#define EXPORT {export}\n{code}", "utf-8")
        made = Path(name) / library.name
        command = _compiler(source, made)
        if not shutil.which(command[0]):
            how = _GET_A_COMPILER.get(sys.platform, "install gcc")
            give_up(f"An empty library takes the place of {library.name}, and {command[0]} is not here: {how}.")
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=name)
        if result.returncode:
            said = (result.stdout + result.stderr).strip()  # Microsoft's compiler complains on the former
            give_up(f"The empty library in place of {library.name} could not be compiled: {said}")
        library.write_bytes(made.read_bytes())


def _compiler(source: Path, made: Path) -> list[str | Path]:
    if os.name == "nt":
        return ["cl", "/nologo", "/LD", source, f"/Fe:{made}"]
    if os.uname().sysname == "Darwin":
        name = f"@loader_path/{made.name}"
        # libheif wants the encoder in the version that it was linked to, or in a newer one: this is newer than all.
        versions = ["-compatibility_version", "9999", "-current_version", "9999"]
        return ["cc", "-dynamiclib", "-O1", "-install_name", name, *versions, source, "-o", made]
    return ["cc", "-shared", "-fPIC", "-O1", "-s", f"-Wl,-soname,{made.name}", source, "-o", made]
