"""The rules of the source: which module may import which, and a few more promises."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.imports import OURS, Arrow, arrows, arrows_between, circles, module_name, room_of, sources, within
from tests.helpers.paths import REPOSITORY

#: Modules without neighbours of their own; everybody may know them, and they one another.
LEAVES = ["atomic_files", "errors", "file_addresses", "frozen", "logs", "paths", "proc_files", "settings", "throttle"]
_LEAVES = {f"desktop_app.{name}" for name in LEAVES}

#: What the window knows of the engine: how to call it, and what they say to each other.
_ENGINE_DOOR = {"desktop_app.engine.client", "desktop_app.engine.messages"}
_PLANNING = {"desktop_app.engine.planning", "desktop_app.engine.weights"}
_TUNING = {"desktop_app.engine.tuning"}
#: What the engine's packages stand on.
_HEADERS = {
    "model_store.foreign_files",
    "model_store.gguf_header",
    "model_store.projector_kinds",
    "model_store.split_model",
}
_GROUND = {"desktop_app.engine.messages", "desktop_app.engine.interrupt", *_HEADERS, *_LEAVES}
_FILES = {"desktop_app.engine.cache", "desktop_app.engine.weights"}
_PROMPT = {f"desktop_app.chat.{name}" for name in ("budget", "conversation", "families", "prompt")}
_STORE = {
    f"model_store.{name}"
    for name in (
        "atomic_files",
        "catalogue",
        "errors",
        "foreign_files",
        "gguf_header",
        "jobs",
        "manifest",
        "names",
        "projector_kinds",
        "split_model",
        "titles",
    )
}
UI_FOLDERS = ["widgets", "transcript", "composer", "pictures", "models", "settings", "help"]
_UI_GROUND = {
    "desktop_app.ui.sentences",
    "desktop_app.markdown",
    "desktop_app.ui.protocols",
    "desktop_app.services",
    "desktop_app.engine.messages",
    "desktop_app.look_choice",
    "desktop_app.memory_fit",
    "desktop_app.weight_choice",
    "desktop_app.chat.backups",
    "desktop_app.chat.certainty",
    "desktop_app.chat.conversation",
    "model_store.catalogue",
    "model_store.errors",
    "model_store.foreign_files",
    "model_store.library.installed",
    "model_store.jobs",
    *_LEAVES,
}
_WITHOUT_QT = {*_ENGINE_DOOR, "desktop_app.markdown", "desktop_app.chat", "desktop_app.images", "model_store", *_LEAVES}

#: What command line and window decide in the same way.
_SHARED = {
    "desktop_app.look_choice",
    "desktop_app.memory_fit",
    "desktop_app.model_choice",
    "desktop_app.weight_choice",
}
_BELOW_SERVICES = {*_WITHOUT_QT, *_PLANNING, *_TUNING, *_SHARED}
SERVICES = ["conversation", "models"]
_SERVICES_GROUND = {
    f"desktop_app.services.{name}"
    for name in ("background", "engine", "engine_deaths", "history_thread", "notices", "preferences", "troubles")
}

#: Room -> what it may import of ours, itself always included. The innermost room counts.
MAY_IMPORT = {
    **dict.fromkeys(_LEAVES, _LEAVES),
    # Files are written whole in one way, by the store as by the program.
    "desktop_app.atomic_files": {"model_store.atomic_files", *_LEAVES},
    "desktop_app.__main__": {"desktop_app.cli", "desktop_app.assembly", "desktop_app.qt_import", *_LEAVES},
    "desktop_app.qt_import": set(),
    "desktop_app.assembly": {"desktop_app.ui", "desktop_app.services", *_WITHOUT_QT},
    # Command line and window tell a plan without starting an engine.
    "desktop_app.memory_fit": {*_PLANNING, "desktop_app.engine.messages", "model_store", *_LEAVES},
    "desktop_app.model_choice": {"desktop_app.memory_fit", "model_store.catalogue"},
    "desktop_app.look_choice": {"desktop_app.engine.messages"},
    "desktop_app.weight_choice": {"desktop_app.engine.messages", "desktop_app.engine.tuning", "model_store.catalogue"},
    "desktop_app.cli": {*_WITHOUT_QT, *_PLANNING, *_TUNING, *_SHARED},
    # The window's widgets know data, and otherwise only services.
    "desktop_app.ui": {*_UI_GROUND, *(f"desktop_app.ui.{name}" for name in UI_FOLDERS)},
    **{
        f"desktop_app.ui.{name}": {"desktop_app.ui.files", "desktop_app.ui.widgets", *_UI_GROUND} for name in UI_FOLDERS
    },
    # What is chosen and saved is told with widgets; what is dropped or pasted is known to both.
    "desktop_app.ui.files": {"desktop_app.ui.widgets", *_UI_GROUND},
    "desktop_app.ui.files.mime": {"model_store.foreign_files", *_LEAVES},
    "desktop_app.ui.widgets": {"desktop_app.ui.files.mime", *_UI_GROUND},
    # What follows a conversation or the models stands above both, and they know nothing of each other.
    "desktop_app.services": {*_BELOW_SERVICES, *(f"desktop_app.services.{name}" for name in SERVICES)},
    **{f"desktop_app.services.{name}": {*_BELOW_SERVICES, *_SERVICES_GROUND} for name in SERVICES},
    **{name: {*_BELOW_SERVICES, *_SERVICES_GROUND} for name in _SERVICES_GROUND},
    # One parser of Markdown for the window and for exported pages.
    "desktop_app.markdown": set(),
    "desktop_app.chat": {"desktop_app.errors", "desktop_app.atomic_files", "model_store.foreign_files"},
    "desktop_app.images": {
        "desktop_app.errors",
        "desktop_app.atomic_files",
        "desktop_app.proc_files",
        "model_store.foreign_files",
    },
    # The engine reads headers of model files; fetching them is not its affair.
    "desktop_app.engine": {"desktop_app.chat", "desktop_app.images", *_HEADERS, *_LEAVES},
    "desktop_app.engine.messages": {"desktop_app.chat.certainty", "desktop_app.errors", "desktop_app.images.tiling"},
    "desktop_app.engine.interrupt": set(),
    "desktop_app.engine.cache": _GROUND,
    "desktop_app.engine.weights": {"desktop_app.chat.families", "desktop_app.images", "model_store.titles", *_GROUND},
    "desktop_app.engine.planning": {"desktop_app.engine.weights", "desktop_app.images.tiling", *_GROUND},
    "desktop_app.engine.llama": {"desktop_app.engine.planning", *_FILES, *_GROUND},
    "desktop_app.engine.vision": {"desktop_app.engine.llama", "desktop_app.images", *_PROMPT, *_FILES, *_GROUND},
    "desktop_app.engine.conversation": {
        "desktop_app.chat.certainty",
        "desktop_app.engine.llama",
        "desktop_app.engine.planning",
        "desktop_app.engine.vision",
        *_PROMPT,
        *_FILES,
        *_GROUND,
    },
    "desktop_app.engine.tuning": {
        "desktop_app.engine.llama",
        "desktop_app.engine.planning",
        "desktop_app.engine.standard_error",
        *_FILES,
        *_GROUND,
    },
    "model_store": set(),
    "model_store.hub": _STORE,
    "model_store.downloads": {"model_store.hub", *_STORE},
    "model_store.library": {"model_store.hub", *_STORE},
}
ROOMS = list(MAY_IMPORT)

#: Library -> the only rooms that may import it.
ONLY_IN = {
    "llama_cpp": {"desktop_app.engine.llama.bindings"},
    "PySide6": {"desktop_app.ui"},
    "PySide6.QtCore": {"desktop_app.ui", "desktop_app.services", "desktop_app.assembly", "desktop_app.qt_import"},
    "shiboken6": {"desktop_app.ui", "desktop_app.services"},
    # Untrusted pictures are decoded in the engine's process.
    "PIL": {"desktop_app.images", "desktop_app.engine"},
    "pillow_heif": {"desktop_app.images", "desktop_app.engine"},
    "numpy": {"desktop_app.images", "desktop_app.engine"},
    "sqlite3": {"desktop_app.chat", "desktop_app.logs"},  # logs name its version
    # One part of the program uses the network.
    "huggingface_hub": {"model_store"},
    "httpx2": {"model_store"},
    "httpcore2": {"model_store"},
    "keyring": {"model_store"},
    "urllib.request": {"model_store"},
    "http.client": {"model_store"},
    "socket": {"model_store"},
}

#: Rooms that use nothing but Python and what MAY_IMPORT names.
STANDARD_LIBRARY_ONLY = ["desktop_app.chat", "desktop_app.errors", "desktop_app.engine.messages"]

_PROGRAM = ("desktop_app", "model_store")
MOST_LINES = 600
MOST_MODULES = 20
IN_WHEELS = "desktop_app/resources"  # where a wheel has what the repository has in resources/


def broken_rule(arrow: Arrow) -> str:
    """What is wrong with an import, or ""."""
    room = room_of(arrow.module, ROOMS)
    said = f"{arrow.place}: {arrow.module} imports {arrow.target}"
    if any(within(arrow.target, package) for package in _PROGRAM):
        if not room:
            return f"{said}, but no rule of MAY_IMPORT says where {arrow.module} belongs"
        allowed = {room, *MAY_IMPORT[room]}
        # The package's own module holds the version and nothing else.
        if arrow.target == "desktop_app" or any(within(arrow.target, one) for one in allowed):
            return ""
        return f"{said}; {room} may import {', '.join(sorted(MAY_IMPORT[room])) or 'nothing'}"
    library = room_of(arrow.target, list(ONLY_IN))
    if library and not any(within(arrow.module, one) for one in ONLY_IN[library]):
        return f"{said}; {library} belongs to {', '.join(sorted(ONLY_IN[library]))}"
    top = arrow.target.partition(".")[0]
    if room_of(arrow.module, STANDARD_LIBRARY_ONLY) and top not in sys.stdlib_module_names:
        return f"{said}; {room} uses only the standard library"
    return ""


def _fail_if(complaints: list[str]) -> None:
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


def test_imports_run_one_way() -> None:
    found = (arrow for path in sources(*_PROGRAM) for arrow in arrows(path))
    _fail_if(sorted({said for said in map(broken_rule, found) if said}))


def test_packaging_knows_no_tests() -> None:
    """What makes, tries and measures the program needs neither the tests nor what they test with."""
    _fail_if(
        [
            f"{arrow.place}: imports {arrow.target}"
            for path in sources("packaging")
            for arrow in arrows(path)
            if any(within(arrow.target, package) for package in ("tests", "unittest", "pytest"))
        ]
    )


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions count too."""
    found = circles(arrows_between(*OURS))
    _fail_if([f"{' -> '.join(circle)}: move what both need into a module of its own" for circle in found])


def test_a_circle_is_noticed() -> None:
    ways = [("a", "b"), ("b", "c"), ("c", "b"), ("a", "c")]
    assert circles(Arrow(module, "", target) for module, target in ways) == [["b", "c", "b"]]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("desktop_app/ui/x.py", "from desktop_app.engine.client import EngineClient"),
        ("desktop_app/ui/x.py", "from desktop_app.engine import client"),
        ("desktop_app/services/x.py", "from desktop_app.ui.window import MainWindow"),
        ("desktop_app/services/x.py", "from ..ui import window"),
        ("desktop_app/services/x.py", "from PySide6.QtWidgets import QLabel"),
        ("desktop_app/services/x.py", "from PySide6 import QtCore, QtGui"),
        ("desktop_app/services/x.py", "import llama_cpp.llama_cpp as low"),
        ("desktop_app/engine/worker.py", "def run():\n    import llama_cpp"),
        ("desktop_app/engine/llama/model.py", "import llama_cpp"),
        ("desktop_app/chat/x.py", "import PIL"),
        ("desktop_app/chat/x.py", "import platformdirs"),
        ("desktop_app/chat/x.py", "from desktop_app import paths"),
        ("desktop_app/cli.py", "import PySide6"),
        ("desktop_app/errors.py", "from desktop_app.chat import history"),
        ("desktop_app/cupboard/x.py", "from desktop_app import errors"),
        ("model_store/x.py", "from desktop_app import errors"),
        ("model_store/x.py", "from PySide6.QtCore import QObject"),
    ],
)
def test_wrong_arrow_is_noticed(path: str, source: str) -> None:
    assert any(broken_rule(arrow) for arrow in arrows(REPOSITORY / path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("desktop_app/ui/x.py", "from desktop_app.services.conversation.chat import Chat"),
        ("desktop_app/ui/x.py", "from PySide6.QtWidgets import QLabel"),
        ("desktop_app/services/x.py", "from PySide6.QtCore import QObject"),
        ("desktop_app/services/x.py", "from PySide6 import QtCore"),
        ("desktop_app/services/x.py", "from desktop_app.engine.client import EngineClient"),
        ("desktop_app/engine/llama/bindings.py", "import llama_cpp"),
        ("desktop_app/chat/x.py", "from desktop_app.errors import UserError"),
        ("desktop_app/cli.py", "from desktop_app import __version__"),
    ],
)
def test_right_arrow_is_allowed(path: str, source: str) -> None:
    assert not [said for said in map(broken_rule, arrows(REPOSITORY / path, source)) if said]


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("desktop_app.assembly", {"llama_cpp", "PIL"}),
        (
            "desktop_app.ui.window",
            {"llama_cpp", "PIL", "markdown_it", "pygments", "ziamath"},
        ),
        ("desktop_app.cli", {"llama_cpp", "PySide6"}),
        ("desktop_app.engine.worker", {"PySide6", "sqlite3", "huggingface_hub", "llama_cpp"}),
        ("desktop_app.engine.loading", {"llama_cpp", "numpy"}),
        ("model_store", {"llama_cpp", "PySide6"}),
    ],
)
def test_processes_stay_apart(module: str, absent: set[str]) -> None:
    """Import for real what a process imports at its start: nothing slips in sideways."""
    code = f"import sys, {module}; print(*({absent!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout.split()) == (0, []), result.stderr


def test_translated_sentences_are_constant() -> None:
    """The extraction of sentences for translation sees neither f-strings nor sums."""
    complaints = []
    for path in sources(*_PROGRAM):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _is_translation(node.func):
                for argument in node.args:
                    if isinstance(argument, (ast.JoinedStr, ast.BinOp)):
                        place = f"{path.relative_to(REPOSITORY)}:{node.lineno}"
                        complaints.append(f"{place}: fill in values after tr(), not before")
    _fail_if(complaints)


def _is_translation(function: ast.expr) -> bool:
    names = {"tr", "translate", "QT_TRANSLATE_NOOP", "QT_TR_NOOP"}
    return (isinstance(function, ast.Attribute) and function.attr in names) or (
        isinstance(function, ast.Name) and function.id in names
    )


def test_rules_name_what_exists() -> None:
    """A rule about a module that was renamed would hold nothing any more."""
    named = {*MAY_IMPORT, *STANDARD_LIBRARY_ONLY}.union(*MAY_IMPORT.values(), *ONLY_IN.values())
    _fail_if(sorted(f"a rule names {name}, which does not exist" for name in named if not _is_module(name)))


def test_project_file_names_what_exists() -> None:
    """Exceptions that pyproject.toml makes for single modules, folders and files."""
    text = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    tops = "|".join(OURS)
    modules = re.findall(rf'"((?:{tops})(?:[.]\w+)+)[":]', text)
    globs = re.findall(rf'"((?:{tops})/[^"]*)"', text)
    patterns = re.findall(rf"'\^((?:{tops})/[^']*)\$'", text)
    names = [str(path.relative_to(REPOSITORY)) for path in sources(*OURS)]
    assert modules
    assert globs
    assert patterns
    _fail_if(
        [f"{name} does not exist" for name in modules if not _is_module(name)]
        + [f"{glob} is no file" for glob in globs if not any(REPOSITORY.glob(glob)) and glob != IN_WHEELS]
        + [f"{pattern} is no file" for pattern in patterns if not any(re.fullmatch(pattern, name) for name in names)]
    )


def _is_module(name: str) -> bool:
    path = REPOSITORY.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def test_folders_are_small() -> None:
    """More than 20 modules in a folder are a list that nobody reads."""
    folders = Counter(path.parent for path in sources(*OURS) if path.name != "__init__.py")
    _fail_if(
        [
            f"{folder.relative_to(REPOSITORY)} has {count} modules: which belong together?"
            for folder, count in folders.items()
            if count > MOST_MODULES
        ]
    )


def test_modules_are_short() -> None:
    """300 lines are a question in review, 600 a failure; tests may be as long as they need."""
    complaints = []
    for path in sources("desktop_app", "model_store", "packaging"):
        lines = len(path.read_text("utf-8").splitlines())
        if lines > MOST_LINES:
            complaints.append(f"{path.relative_to(REPOSITORY)} has {lines} lines: is it one idea?")
    _fail_if(complaints)


def _text_files() -> list[Path]:
    """Every file of the repository, committed or about to be, that is text."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
    if result.returncode:
        pytest.skip("not a git checkout")
    paths = [REPOSITORY / name for name in result.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


#: Where tests use private attributes all the same -> why. Nothing is added here; what is no longer needed must go.
MAY_USE_PRIVATE = {
    "tests/engine/conversation": "compares with the tokens that llama.cpp itself makes",
    "tests/engine/llama": "looks at the tensors below a model, and stops it as only the engine does",
    "tests/engine/vision": "compares with what llama.cpp itself evaluates, on the same context",
    "tests/recording/tiles.py": "records what transformers does, where only a private method tells",
}
#: Names with an underscore that Python has made public.
_PUBLIC_NAMES = {"_asdict", "_fields", "_fields_", "_make", "_replace"}
_PUBLIC_IN = {("os", "_exit"), ("sys", "_getframe"), ("threading", "_DummyThread")}


def private_uses(source: str) -> list[tuple[int, str]]:
    """(line, name) of each private name that belongs to somebody else."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if owner not in ("self", "cls") and (owner, node.attr) not in _PUBLIC_IN:
                found.append((node.lineno, ast.unparse(node)))
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, name.name) for name in node.names if _is_private(name.name)]
    return found


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in _PUBLIC_NAMES


def test_tests_use_no_private_attributes() -> None:
    """A test that does would hold what a class does inside, not what its callers rely on."""
    complaints, needed = [], set()
    for path in sources("tests"):
        place = path.relative_to(REPOSITORY).as_posix()
        allowed = {one for one in MAY_USE_PRIVATE if place == one or place.startswith(f"{one}/")}
        for line, name in private_uses(path.read_text("utf-8")):
            needed |= allowed
            if not allowed:
                complaints.append(f"{place}:{line}: {name} is private: test what callers see, or make it public")
    complaints += [f"MAY_USE_PRIVATE: {one} needs no exception any more" for one in set(MAY_USE_PRIVATE) - needed]
    _fail_if(complaints)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("window._models.show()", ["window._models"]),
        ("Waiting()._since", ["Waiting()._since"]),
        ("from desktop_app.settings import _checked", ["_checked"]),
        ("self._made = picture._replace(name='')", []),
        ("os._exit(1)", []),
        ("type(one).__name__", []),
    ],
)
def test_a_private_attribute_is_noticed(source: str, found: list[str]) -> None:
    assert [name for _line, name in private_uses(source)] == found


#: Folders of somebody's computer.
_MACHINE_PATH = re.compile(r"(?<![\w.~}])/(work|farm|root|home/\w+|Users/\w+)/\w")
#: Where packages come from is each computer's own affair.
_REGISTRIES = re.compile(r"(pypi|pythonhosted|npmjs|anaconda)[.](org|com)\b")


def test_repository_names_no_machine_and_no_registry() -> None:
    complaints = []
    for path in _text_files():
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            found = _MACHINE_PATH.search(line) or _REGISTRIES.search(line)
            if found:
                complaints.append(f"{path.relative_to(REPOSITORY)}:{number}: {found[0]}")
    _fail_if(complaints)


#: Rooms that look at files which others made, or where others may have changed the rights.
_SEE_FOREIGN_FILES = (
    *(f"desktop_app.{name}" for name in ("cli", "engine", "images", "services", "ui")),
    "model_store.library",
)
_MAY_RAISE = {"exists", "is_dir", "is_fifo", "is_file"}


def raising_questions(source: str) -> list[str]:
    """Return what of a source asks as `pathlib` does, which raises where one may not look."""
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _MAY_RAISE
        and ast.unparse(node.func.value) != "foreign_files"
    ]


def test_foreign_files_are_asked_for_without_raising() -> None:
    complaints = []
    for path in sources("desktop_app", "model_store"):
        if any(within(module_name(path), room) for room in _SEE_FOREIGN_FILES):
            place = path.relative_to(REPOSITORY).as_posix()
            complaints += [f"{place}:{one}" for one in raising_questions(path.read_text("utf-8"))]
    _fail_if([f"{one} may raise: use model_store/foreign_files.py" for one in complaints])


def test_a_raising_question_is_noticed() -> None:
    assert raising_questions("Path(name).is_dir()\nforeign_files.exists(name)\nis_file(name)") == [
        "1: Path(name).is_dir()"
    ]
