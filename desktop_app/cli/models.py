"""`eyebright models`: lists, verifies, imports, exports, removes and moves installed models."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from desktop_app import paths
from desktop_app.cli import texts
from desktop_app.cli.exit_codes import ExitCode
from desktop_app.cli.output import installed_as_json, print_installed, print_json, print_table
from desktop_app.cli.progress import ProgressBar, progress_bar
from desktop_app.cli.request import (
    ExportModel,
    HubRequest,
    ImportModels,
    ListModels,
    LocalModelsRequest,
    ModelsRequest,
    MoveModels,
    RemoveModel,
    ShowModelFolder,
    VerifyModels,
)
from desktop_app.cli.terminal import in_one_line
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from desktop_app.settings import Settings
from model_store.errors import StoreError, size_text
from model_store.foreign_files import is_folder
from model_store.library.disk_space import free_bytes
from model_store.library.exporting import export
from model_store.library.import_plan import plan_import
from model_store.library.importing import import_files, import_model
from model_store.library.installed import InstalledModel, State, distinct_titles
from model_store.library.library import Library
from model_store.library.moving import move_library, unfinished_move
from model_store.library.other_folders import Found, find_elsewhere, use_found


def models(request: ModelsRequest) -> int:
    """Carry out a command about models and return the exit code. Raises `StoreError` and `UserError`."""
    settings = Settings.peek(paths.settings_file())
    library = Library(paths.models_folder(settings.value("models_folder")))
    library.tidy()
    unfinished = unfinished_move(library)
    if unfinished is not None and not isinstance(request, MoveModels):
        print(texts.MODELS_MOVE_UNFINISHED.format(folder=unfinished.new), file=sys.stderr)
    if isinstance(request, HubRequest):
        from desktop_app.cli.models_hub import models_hub  # which knows the network

        return models_hub(request, library, settings)
    return _local(request, library)


def _local(request: LocalModelsRequest, library: Library) -> int:
    match request:
        case ListModels():
            return _list(request, library)
        case VerifyModels():
            return _verify(request, library)
        case ImportModels():
            return _import(request, library)
        case ExportModel():
            return _export(request, library)
        case RemoveModel():
            return _remove(request, library)
        case ShowModelFolder():
            return _where(request, library)
        case MoveModels():
            return _move(request, library)


def _list(request: ListModels, library: Library) -> int:
    if request.found:
        return _list_found(request, library)
    installed = library.models()
    if request.json:
        print_json({"folder": str(library.folder), "models": [installed_as_json(model) for model in installed]})
    elif not installed:
        print(texts.MODELS_NONE)
    else:
        titles = distinct_titles(installed)
        print_table(texts.MODELS_HEAD, [(*_row(model), titles[model.id]) for model in installed])
        for model in installed:
            if (wording := _wording(model)) is not None:
                print(texts.MODELS_WORDING.format(title=in_one_line(titles[model.id]), sentence=wording))
    return ExitCode.DONE


def _wording(model: InstalledModel) -> UserError | None:
    """Return what must be said of the words in which a model is spoken to, None if nothing or if it is not whole."""
    try:
        return check_files(model.model, None).wording
    except UserError:
        return None


def _row(model: InstalledModel) -> tuple[str, ...]:
    used = time.strftime("%Y-%m-%d", time.localtime(model.last_used)) if model.last_used else texts.MODELS_NEVER
    size = size_text(model.size) + (f" ({texts.MODELS_IN_PLACE_NOTE})" if model.in_place else "")
    return model.id, size, texts.MODELS_STATES[model.state.value], model.licence or "?", used


def _list_found(request: ListModels, library: Library) -> int:
    found = _found(library)
    if request.json:
        print_json(
            {
                "found": [
                    {
                        "program": one.program,
                        "title": one.title,
                        "size": one.size,
                        "sees": one.sees,
                        "extract": one.extract,
                        "model": str(one.model),
                        "projector": str(one.projector) if one.projector else None,
                        "licence": one.licence,
                    }
                    for one in found
                ]
            }
        )
    elif not found:
        print(texts.MODELS_NOTHING_FOUND)
    else:
        rows = [(one.program, size_text(one.size), texts.MODELS_YES_NO[one.sees], one.title) for one in found]
        print_table(texts.MODELS_HEAD_FOUND, rows)
    return ExitCode.DONE


def _found(library: Library) -> list[Found]:
    """Return what other programs have fetched, without what is used already."""
    used = {str(file.path) for model in library.models() for file in model.files}
    return [one for one in find_elsewhere() if str(one.model) not in used]


def _verify(request: VerifyModels, library: Library) -> int:
    chosen = [library.named(name) for name in request.ids] or library.models()
    with progress_bar() as bar:
        verified = [library.verify(model.id, bar.report) for model in chosen]
    if request.json:
        print_json({"models": [installed_as_json(model) for model in verified]})
    else:
        for model in verified:
            for line in _verdict(model):
                print(line)
    return ExitCode.FAILED if any(model.state is not State.OK for model in verified) else ExitCode.DONE


def _verdict(model: InstalledModel) -> Iterator[str]:
    for file in model.files:
        if file.state is not State.OK:
            state = texts.MODELS_STATES[file.state.value]
            yield texts.MODELS_WRONG_FILE.format(title=model.title, name=file.path.name, state=state)
    if model.state is State.OK:
        yield texts.MODELS_VERIFIED.format(title=model.title)
    elif model.repairable:
        yield texts.MODELS_REPAIR_HINT.format(id=model.id)


def _import(request: ImportModels, library: Library) -> int:
    before = {model.id for model in library.models()}
    with progress_bar() as bar:
        if request.found:
            chosen = [_by_title(library, title) for title in request.names]
            installed = [use_found(library, one, bar.report) for one in chosen]
        else:
            installed = _import_named(request, library, bar)
    print_installed(installed, as_json=request.json, before=before)
    return ExitCode.DONE


def _import_named(request: ImportModels, library: Library, bar: ProgressBar) -> list[InstalledModel]:
    """Install all of the files, or none; of folders what can be installed, and tell of the rest."""
    named = [Path(name) for name in request.names]
    if not any(is_folder(path) for path in named):
        return import_files(library, named, request.in_place, bar.report)
    found = plan_import(named)
    if not found.plans:
        raise found.refused[0]
    for error in found.refused:
        print(texts.ERROR.format(sentence=in_one_line(error)), file=sys.stderr)
    return [import_model(library, plan, request.in_place, bar.report) for plan in found.plans]


def _by_title(library: Library, title: str) -> Found:
    found = next((one for one in _found(library) if one.title == title), None)
    if found is None:
        raise StoreError("not-found-elsewhere", name=title)
    return found


def _export(request: ExportModel, library: Library) -> int:
    model = library.named(request.id)
    with progress_bar() as bar:
        folder = export(library, model.id, Path(request.folder), bar.report)
    if request.json:
        print_json({"folder": str(folder), "model": installed_as_json(model)})
    else:
        print(texts.MODELS_EXPORTED.format(title=model.title, folder=folder))
    return ExitCode.DONE


def _remove(request: RemoveModel, library: Library) -> int:
    model = library.named(request.id)
    if not request.yes and not request.json and sys.stdin is not None and sys.stdin.isatty():
        question = texts.MODELS_LET_GO_ASK if model.in_place else texts.MODELS_REMOVE_ASK
        print(question.format(title=model.title, size=size_text(model.frees)), end=" ", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().casefold() not in texts.MODELS_YES:
            print(texts.MODELS_KEPT.format(title=model.title))
            return ExitCode.DONE
    freed = library.remove(model.id)
    settings, problem = Settings.load(paths.settings_file())
    if problem is None and settings.value("model") == str(model.model):
        settings.reset("model")
        settings.reset("mmproj")
        settings.save()
        print(texts.MODELS_WAS_CHOSEN, file=sys.stderr)
    if request.json:
        print_json({"id": model.id, "freed": freed})
    elif model.in_place:
        print(texts.MODELS_LET_GO.format(title=model.title))
    else:
        print(texts.MODELS_REMOVED.format(title=model.title, size=size_text(freed)))
    return ExitCode.DONE


def _where(request: ShowModelFolder, library: Library) -> int:
    installed = library.models()
    size, free = sum(model.frees for model in installed), free_bytes(library.folder)
    if request.json:
        print_json({"folder": str(library.folder), "models": len(installed), "size": size, "free": free})
        return ExitCode.DONE
    one = len(installed) == 1
    count = texts.MODELS_COUNT_ONE if one else texts.MODELS_COUNT.format(count=len(installed))
    print(texts.MODELS_WHERE.format(folder=library.folder, models=count, size=size_text(size), free=size_text(free)))
    return ExitCode.DONE


def _move(request: MoveModels, library: Library) -> int:
    settings, problem = Settings.load(paths.settings_file())
    if problem is not None:
        raise problem

    def switched(folder: Path) -> None:
        _follow(settings, library.folder, folder)
        settings.set("models_folder", str(folder))
        settings.save()

    new = Path(request.folder).absolute()
    unfinished = unfinished_move(library)
    if unfinished is not None and unfinished.new == new:  # maybe the setting names the new place already
        library = Library(unfinished.old)
    with progress_bar() as bar:
        moved = move_library(library, new, switched, bar.report)
    if request.json:
        print_json({"folder": str(moved.folder)})
    else:
        print(texts.MODELS_MOVED.format(folder=moved.folder))
    return ExitCode.DONE


def _follow(settings: Settings, old: Path, new: Path) -> None:
    """Let the chosen model be found where it has moved to."""
    for name in ("model", "mmproj"):
        chosen = Path(settings.value(name))
        if chosen.is_relative_to(old):
            settings.set(name, str(new / chosen.relative_to(old)))
