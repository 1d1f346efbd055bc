"""Prints for `eyebright models`: tables for people, and JSON for other programs."""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from typing import Any

from desktop_app.cli import texts
from model_store.library.installed import InstalledModel
from model_store.names import CONTROL, one_line


def print_json(data: dict[str, Any]) -> None:
    """Print one JSON object."""
    print(json.dumps(data, ensure_ascii=True, indent=1))


def json_line(data: dict[str, Any]) -> str:
    """Return one JSON object in one line, readable in every language, and without control characters."""
    line = json.dumps(data, ensure_ascii=False)
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns as wide as what stands in them."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def installed_as_json(model: InstalledModel) -> dict[str, Any]:
    """Return what programs may want to know of an installed model."""
    return {
        "id": model.id,
        "title": model.title,
        "state": model.state.value,
        "size": model.size,
        "frees": model.frees,
        "in_place": model.in_place,
        "origin": model.origin.value,
        "repository": model.manifest.repository,
        "quantisation": model.manifest.quantisation,
        "licence": model.licence,
        "added": round(model.added),
        "last_used": round(model.last_used),
        "files": [
            {
                "role": file.role.value,
                "path": str(file.path),
                "size": file.size,
                "sha256": file.sha256,
                "state": file.state.value,
            }
            for file in model.files
        ],
    }


def print_installed(installed: Sequence[InstalledModel], *, as_json: bool, before: Container[str] = ()) -> None:
    """Tell what was installed, and how it is used; `before`: the ids of those that were here already."""
    if as_json:
        print_json({"models": [installed_as_json(model) for model in installed]})
        return
    for model in installed:
        text = texts.MODELS_HERE if model.id in before else texts.MODELS_INSTALLED
        print(text.format(title=model.title, id=model.id))
        if model.projector is None:
            print(texts.MODELS_BLIND.format(title=model.title))
