"""Reads from the source which module imports which.

`python -m tests.helpers.imports` prints every import circle and fails if there is one; `make lint` runs it.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.paths import REPOSITORY

OURS = ("desktop_app", "model_store", "packaging", "tests")


@dataclass(frozen=True)
class Arrow:
    """One import: the line in the importing module, and the full name of what it imports."""

    module: str
    place: str
    target: str


def module_name(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(*packages: str) -> list[Path]:
    """All Python files of packages, in order."""
    return sorted(path for package in packages for path in (REPOSITORY / package).rglob("*.py"))


def arrows(path: Path, source: str | None = None) -> Iterator[Arrow]:
    """Everything a file imports, wherever in the file it does so."""
    module = module_name(path)
    tree = ast.parse(path.read_text("utf-8") if source is None else source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package=path.name == "__init__.py")
            targets = [_member(base, alias.name) for alias in node.names]
        else:
            continue
        place = f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for target in targets:
            yield Arrow(module, place, target)


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The module that `from ... import` names, dots resolved."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parents = parts[: len(parts) - node.level + is_package]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _member(base: str, name: str) -> str:
    """`from desktop_app import paths` is about a module, `from pathlib import Path` is not."""
    location = REPOSITORY.joinpath(*base.split("."), name)
    is_module = location.with_suffix(".py").exists() or location.is_dir()
    return f"{base}.{name}" if is_module or base == "PySide6" else base


def circles(found: Iterable[Arrow]) -> list[list[str]]:
    """The shortest way from a module back to itself, once for each set of modules."""
    targets: dict[str, set[str]] = {}
    for arrow in found:
        targets.setdefault(arrow.module, set()).add(arrow.target)
    told: dict[frozenset[str], list[str]] = {}
    for module in sorted(targets):
        circle = _way_back(module, targets)
        if circle:
            told.setdefault(frozenset(circle), circle)
    return list(told.values())


def _way_back(start: str, targets: dict[str, set[str]]) -> list[str]:
    ways, seen = [[start]], set[str]()
    for way in ways:  # grows while it is read: a search breadth first
        for target in sorted(targets.get(way[-1], ())):
            if target == start:
                return [*way, start]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return []


def within(name: str, room: str) -> bool:
    """True if a dotted name is a room or lies in it."""
    return name == room or name.startswith(f"{room}.")


def room_of(name: str, rooms: list[str]) -> str:
    """The innermost of some rooms that a module lies in, or ""."""
    return max((room for room in rooms if within(name, room)), key=len, default="")


def arrows_between(*packages: str) -> list[Arrow]:
    """All imports of the packages' modules by one another, also inside functions and for types."""
    names = {module_name(path) for path in sources(*packages)}
    found = []
    for arrow in (arrow for path in sources(*packages) for arrow in arrows(path)):
        # What lies in packaging/ and in packaging/demo_model/ is imported as if that folder were the top.
        for target in (arrow.target, f"packaging.{arrow.target}", f"packaging.demo_model.{arrow.target}"):
            if target in names:
                found.append(Arrow(arrow.module, arrow.place, target))
    return found


def main() -> int:
    """Print the circles."""
    found = circles(arrows_between(*OURS))
    for circle in found:
        print(f"{' -> '.join(circle)}: move what both need into a module of its own.", file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
