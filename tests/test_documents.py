"""Whatever the documents name exists: files, folders, modules, members of classes, links, headings and commands."""

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from fidelity.compare import LEAST_CORRELATION, LEAST_COSINE

from desktop_app import cli
from desktop_app.engine.vision.row_selection import NARROW
from desktop_app.images.tiling import LLAVA_TILES, QuickLook
from desktop_app.paths import demo_model
from desktop_app.services.history_thread import KEEP_DELETED_DAYS
from desktop_app.settings import SETTINGS
from tests.helpers.paths import REPOSITORY

DOCUMENTS = [
    *(REPOSITORY / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
#: Folders of the repository whose files the documents name by path or by dotted name.
FOLDERS = ("desktop_app", "model_store", "tests", "packaging", "resources", "docs")
#: What somebody makes who follows a document.
MADE_LATER = "resources/translations"
#: Where the path of a module, such as `chat/prompt.py`, or the name after `python -m` may begin.
ROOTS = (REPOSITORY, REPOSITORY / "desktop_app", REPOSITORY / "packaging")

_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_WORD = re.compile(r"[\w.*/-]+")
_RUN = re.compile(r"-m ([\w.]+)")
_MEMBER = re.compile(r"[A-Z]\w*[a-z]\w*\.[a-z_]\w*")
_PLACEHOLDER = re.compile(r"[A-Z]+")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_VARIABLE = re.compile(r"[A-Z_]+=.*", re.DOTALL)
_TARGETS = re.compile(r"^([\w-]+(?: [\w-]+)*):$", re.MULTILINE)


def missing_names(text: str) -> list[str]:
    """Names in the code of a document, inline or in a block, that belong to nothing in the repository."""
    spans = _CODE.findall(text)
    words = [word.strip(".") for span in spans for word in _WORD.findall(span)]
    run = [module for span in spans for module in _RUN.findall(span)]
    return [word for word in words if not _exists(word)] + [module for module in run if not _is_run(module)]


def _exists(word: str) -> bool:
    if word.startswith(MADE_LATER):
        return True
    first = re.split(r"[./]", word)[0]
    if first in FOLDERS and word != first:
        return _is_path(word, ROOTS[:1]) if "/" in word else _is_dotted(word)
    if word.endswith(".py"):
        return _is_path(word, ROOTS) if "/" in word else word in _file_names()
    if _MEMBER.fullmatch(word):
        name, member = word.split(".")
        return name not in _classes() or member in _classes()[name]
    return True


def _is_run(module: str) -> bool:
    """True for what `python -m` can run here, and for modules of others."""
    parts = module.split(".")
    roots = [root for root in ROOTS if (root / parts[0]).is_dir()]
    return not roots or any(
        root.joinpath(*parts).with_suffix(".py").is_file() or root.joinpath(*parts, "__main__.py").is_file()
        for root in roots
    )


def _is_path(word: str, roots: tuple[Path, ...]) -> bool:
    """True if there is such a file. Capitals stand for a name that differs, and what follows is not looked at."""
    parts = word.strip("/").split("/")
    kept = next((parts[:at] for at, part in enumerate(parts) if _PLACEHOLDER.fullmatch(part)), parts)
    return any(any(root.glob("/".join(kept))) for root in roots)


def _is_dotted(word: str) -> bool:
    """True for a module, a package, or a name that a module defines."""
    path = REPOSITORY.joinpath(*word.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module = path.parent.with_suffix(".py")
    return module.is_file() and path.name in _names(ast.parse(module.read_text("utf-8")))


@cache
def _file_names() -> set[str]:
    return {path.name for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py")}


@cache
def _classes() -> dict[str, set[str]]:
    """The classes of the program, and the names of their members."""
    found: dict[str, set[str]] = {}
    for path in (path for folder in ("desktop_app", "model_store") for path in (REPOSITORY / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(_names(node))
    return found


def _names(tree: ast.Module | ast.ClassDef) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names


def broken_links(path: Path) -> list[str]:
    """Links of a document to files or headings that do not exist."""
    broken = []
    for link in _LINK.findall(path.read_text("utf-8")):
        if "://" in link:
            continue
        name, _, heading = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (heading and heading not in _anchors(target)):
            broken.append(link)
    return broken


def _anchors(path: Path) -> set[str]:
    """What the headings of a document are called in addresses, as GitHub makes it."""
    headings = _HEADING.findall(path.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def unknown_commands(text: str) -> list[str]:
    """Commands in the code of a document that make, manage.py or the program does not understand."""
    lines = [line for span in _CODE.findall(text) for line in span.strip("`").splitlines()]
    return [line for line in lines if not _is_understood(line)]


def _is_understood(line: str) -> bool:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return True  # words, not a command
    for at, word in enumerate(words):
        program, rest = word.rpartition("/")[2], words[at + 1 :]
        if program == "eyebright":
            return _is_parsed(rest)
        if (program == "make" and all(_VARIABLE.fullmatch(one) for one in words[:at])) or program == "manage.py":
            target, *values = rest or ["help"]  # the first target is what make alone does
            given = [value.removeprefix("ARGS=") for value in values if value.startswith("ARGS=")]
            known = target in (_targets() if program == "make" else _verbs())
            return known and (target != "run" or all(_is_parsed(shlex.split(value)) for value in given))
    return True


_COMMANDS = ("ask", "models", "plan", "tune", "doctor")


def _is_parsed(words: list[str]) -> bool:
    try:
        request = cli.parse(words)
    except SystemExit as end:
        mentioned = len(words) == 1 and words[0] in _COMMANDS  # one that wants more
        return mentioned or not end.code  # 0 after --help
    # What is no verb is taken for a picture.
    return not isinstance(request, cli.WindowRequest) or all("." in picture for picture in request.pictures)


@cache
def _targets() -> set[str]:
    (targets,) = _TARGETS.findall((REPOSITORY / "Makefile").read_text("utf-8"))
    return set(targets.split())


@cache
def _verbs() -> set[str]:
    """The verbs of manage.py, which it compares with its first argument."""
    tree = ast.parse((REPOSITORY / "packaging" / "manage.py").read_text("utf-8"))
    compared = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id == "verb"
    ]
    constants = [one for node in compared for one in ast.walk(node) if isinstance(one, ast.Constant)]
    return {str(one.value) for one in constants}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_a_document_names_exists(path: Path) -> None:
    assert missing_names(path.read_text("utf-8")) == []
    assert broken_links(path) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
@pytest.mark.usefixtures("capsys")
def test_the_commands_of_a_document_are_understood(path: Path) -> None:
    assert unknown_commands(path.read_text("utf-8")) == []


def test_make_and_manage_know_the_same() -> None:
    assert _targets() <= _verbs()


@pytest.mark.parametrize(
    "text",
    [
        "`make nothing`",
        "```sh\nCMAKE_ARGS=-DX=ON make nothing\n```",
        "`python3 packaging/manage.py nothing`",
        "`eyebright ask --nothing`",
        "```sh\n.venv/bin/eyebright plan --memory 8G  # without its file\n```",
        "`eyebright nothing`",
        '`make run ARGS="models nothing"`',
    ],
)
@pytest.mark.usefixtures("capsys")
def test_a_wrong_command_is_noticed(text: str) -> None:
    assert unknown_commands(text)


@pytest.mark.parametrize(
    "text",
    [
        "`make` and `make lint`, to make nothing of it",
        "`eyebright plan MODEL_GGUF MMPROJ_GGUF --memory 8G`; `eyebright models --help`; `eyebright.log`",
        "```sh\nmake run ARGS=\"ask a.jpg -p 'What is this?'\"  # asks\n```",
    ],
)
@pytest.mark.usefixtures("capsys")
def test_a_right_command_is_understood(text: str) -> None:
    assert unknown_commands(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "`desktop_app/chat/nowhere.py`",
        "Run `python -m tests.recording.nothing --again`.",
        "`chat/nowhere.py`",
        "`nowhere_at_all.py`",
        "`python -m fidelity.nothing`",
        "`desktop_app.chat.prompt.Nothing`",
        "`packaging/linux/*.nothing`",
        "`ModelInfo.nothing`",
        "```sh\n.venv/bin/pytest tests/nowhere\n```",
    ],
)
def test_a_wrong_name_is_noticed(text: str) -> None:
    assert missing_names(text)


@pytest.mark.parametrize(
    "text",
    [
        "`desktop_app/chat/prompt.py`, `chat/prompt.py`, `desktop_app/chat/`",
        "`desktop_app.chat.prompt`, `desktop_app.chat.prompt.Special`",
        "`tests/data/homes/VERSION/home`, `packaging/linux/*.xml`",
        "`ModelInfo.plan`, `README.md`, `Ctrl.whatever`",
        "A `fine` thing; desktop_app/nowhere.py is not code here.",
    ],
)
def test_a_right_name_is_found(text: str) -> None:
    assert missing_names(text) == []


@pytest.mark.parametrize(
    ("name", "said", "true"),
    [
        ("README.md", r"our own \((.+?) MB\)", f"{sum(path.stat().st_size for path in demo_model()) / 1e6:.1f}"),
        ("docs/models.md", r"After (\d+) minutes", str(SETTINGS["unload_after"].default)),
        ("ARCHITECTURE.md", r"restored for (\w+) days", {7: "seven"}[KEEP_DELETED_DAYS]),
        ("docs/fidelity.md", r"(0\.\d+) in f16", str(LEAST_COSINE["f16"])),
        ("docs/fidelity.md", r"(0\.\d+) in q8_0 \|", str(LEAST_COSINE["q8_0"])),
        ("docs/fidelity.md", r"in q8_0 \| (0\.\d+)", str(LEAST_CORRELATION)),
        ("docs/fidelity.md", r"compare (\d+) random sums", str(NARROW)),
        ("docs/quick-look.md", r"but at least (\d+);", str(QuickLook().rows(65))),
        ("docs/quick-look.md", r"which is (\d+) of\n   2,880", str(LLAVA_TILES.rows(2880, tiled=True))),
    ],
)
def test_figures_are_those_of_the_program(name: str, said: str, true: str) -> None:
    assert re.findall(said, (REPOSITORY / name).read_text("utf-8")) == [true]


def test_the_accuracy_of_the_built_in_model_is_that_of_its_card() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    ((share, asked),) = re.findall(r"answers (\S+ %) of (\S+) questions", readme)
    card = (REPOSITORY / "resources/demo_model/MODEL_CARD.md").read_text("utf-8")
    assert re.search(rf"^\| \*\*all\*\* \|.* {share} \| {asked.replace(',', '')} \|$", card, re.MULTILINE)


def test_the_map_stays_short() -> None:
    """Details belong beside the code that they describe."""
    assert len((REPOSITORY / "ARCHITECTURE.md").read_text("utf-8").splitlines()) < 200
