"""The commands of `eyebright models` that need the network: search, download and repair."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from desktop_app import paths
from desktop_app.cli import texts
from desktop_app.cli.exit_codes import ExitCode
from desktop_app.cli.output import installed_as_json, print_installed, print_json, print_table
from desktop_app.cli.progress import ProgressBar, progress_bar
from desktop_app.cli.request import DownloadModel, HubRequest, RepairModel, SearchModels
from desktop_app.cli.terminal import in_one_line
from desktop_app.engine.messages import WeightSpeed, gb_down, gb_up
from desktop_app.engine.planning.memory_budget import MemoryBudget, find_memory_budget
from desktop_app.engine.tuning.weight_results import WeightResults
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit, best_variant, fit_of, fit_or_reason
from desktop_app.model_choice import in_order
from desktop_app.settings import Settings
from desktop_app.weight_choice import SOURCE, WeightFacts, weight_facts
from model_store.catalogue import Catalogue, ModelEntry, Variant, load_catalogue
from model_store.downloads.queue import Downloads
from model_store.errors import StoreError, size_text
from model_store.hub.client import Hub
from model_store.hub.from_settings import hub_of
from model_store.hub.tokens import TokenKeeper
from model_store.jobs import NOTES, DownloadJob, DownloadRequest, FileState, JobState
from model_store.library.hub_repository import candidate, read_headers
from model_store.library.installed import State
from model_store.library.library import Library

_LOOKED_AT = 0.2  # seconds between two looks at a download


def models_hub(request: HubRequest, library: Library, settings: Settings) -> int:
    """Carry out a command that needs the network and return the exit code. Raises `StoreError` and `UserError`."""
    match request:
        case SearchModels():
            return _search(request, settings)
        case DownloadModel():
            return _download(request, library, settings)
        case RepairModel():
            return _repair(request, library, settings)


def _search(request: SearchModels, settings: Settings) -> int:
    """List what can be fetched: without words the whole catalogue, without a network only what it knows."""
    words = " ".join(request.words)
    budget = find_memory_budget()
    speeds = WeightResults(paths.cache_folder()).find()
    with _hub(settings) as hub:
        one = _is_repository(words)
        known = [row for entry in _in_order(words, request.wish, budget) for row in _entry_rows(entry, budget, speeds)]
        rows = _repository_rows(hub, words, budget, speeds) if one else known
        if rows and not request.json:  # before the network, which may take its time
            _print_rows(rows)
            sys.stdout.flush()
            for problem in dict.fromkeys(row["problem"] for row in rows if row["problem"]):
                print(texts.ERROR.format(sentence=in_one_line(problem)), file=sys.stderr)
        others = _on_the_hub(hub, words) if words and not one else []
    if request.json:
        print_json({"models": rows, "repositories": others})
    elif others:
        print("\n" * bool(rows) + texts.MODELS_ON_THE_HUB.format(host=hub.host))
        for other in others:
            print(f"  {other['repository']}")
    elif not rows:
        print(texts.MODELS_NO_RESULTS)
    return ExitCode.DONE


def _download(request: DownloadModel, library: Library, settings: Settings) -> int:
    """Fetch a model, to its end or to an error that the person must know of."""
    name = request.name
    with _hub(settings) as hub:
        entry = _catalogue().get(name)
        if entry is None:
            if not _is_repository(name):
                raise StoreError("model-unknown", name=name)
            entry = candidate(hub, name).entry
    if entry.terms or entry.gated:
        terms = texts.MODELS_TERMS.format(title=entry.title, licence=entry.licence, url=entry.licence_url or "-")
        print(terms, file=sys.stderr)
        if not request.accept_terms:
            raise StoreError("terms-not-accepted", title=entry.title)
    variant = _chosen(entry, request.quantisation)
    wanted = DownloadRequest.of(entry, variant)
    job = _fetch(library, settings, lambda downloads: downloads.add(wanted))
    fetched = [model for model in library.models() if model.title == job.request.title]
    print_installed(sorted(fetched, key=lambda model: model.added)[-1:], as_json=request.json)
    return ExitCode.DONE


def _repair(request: RepairModel, library: Library, settings: Settings) -> int:
    """Read a model's files, and fetch again what is wrong."""
    with progress_bar() as bar:
        model = library.verify(request.id, bar.report)
    said = texts.MODELS_WHOLE
    if model.wrong_files:
        if not model.repairable:
            raise StoreError("not-repairable", title=model.title)
        _fetch(library, settings, lambda downloads: downloads.repair(model.id))
        with progress_bar() as bar:
            model = library.verify(request.id, bar.report)
        said = texts.MODELS_REPAIRED
    if request.json:
        print_json({"models": [installed_as_json(model)]})
    elif model.state is State.OK:
        print(said.format(title=model.title))
    return ExitCode.DONE if model.state is State.OK else ExitCode.FAILED


def _fetch(library: Library, settings: Settings, begin: Callable[[Downloads], DownloadJob]) -> DownloadJob:
    """Wait until a download is done. Raises why it failed; Ctrl-C leaves it to the next time."""
    keeper = TokenKeeper()
    address, proxy = settings.value("hub_address"), settings.value("proxy")
    downloads = Downloads(
        library.folder,
        lambda: hub_of(address, proxy, keeper),
        connections=settings.value("connections"),
        go_on=False,  # only with what was asked for
    )
    try:
        job = begin(downloads)
        downloads.start()
        with progress_bar() as bar:
            while (job := downloads.wait(job.id, _LOOKED_AT)).state not in (JobState.DONE, JobState.FAILED):
                _show(bar, job)
        if job.state is JobState.FAILED and job.error is not None:
            raise job.error
        for note in job.notes:
            print(texts.ERROR.format(sentence=NOTES[note]), file=sys.stderr)
        downloads.forget(job.id)
        return job
    finally:
        downloads.close()


def _show(bar: ProgressBar, job: DownloadJob) -> None:
    if job.state is JobState.WAITING and job.error is not None:
        bar.wait(in_one_line(job.error), round(job.retry_in))
        return
    at_hand = next((file.name for file in job.files if file.state is not FileState.DONE), "")
    if job.total:
        bar.show(at_hand or job.request.title, job.done, job.total, job.speed, job.seconds_left)


@contextmanager
def _hub(settings: Settings) -> Iterator[Hub]:
    hub = hub_of(settings.value("hub_address"), settings.value("proxy"), TokenKeeper())
    try:
        yield hub
    finally:
        hub.close()


def _catalogue() -> Catalogue:
    return load_catalogue(paths.catalogue_file())


def _is_repository(name: str) -> bool:
    owner, slash, own = name.partition("/")
    return bool(owner and slash and own) and " " not in name


def _chosen(entry: ModelEntry, quantisation: str) -> Variant:
    """Return what was asked for, else what suits this computer; say where that does not fit."""
    usable = find_memory_budget().usable
    variant = entry.variant(quantisation) if quantisation else best_variant(entry, usable)[0]
    if variant is None:
        offered = ", ".join(one.quantisation for one in entry.variants)
        raise StoreError("quantisation-unknown", name=quantisation, title=entry.title, offered=offered)
    fit = fit_of(variant, usable)
    if fit.verdict == "too-large":
        sizes = {"needed": gb_up(fit.needed), "usable": gb_down(fit.usable)}
        print(texts.MODELS_TOO_LARGE.format(title=entry.title, **sizes), file=sys.stderr)
    return variant


@dataclass(frozen=True)
class _Offered:
    """A model of the catalogue, with the files that suit this computer best."""

    entry: ModelEntry
    variant: Variant
    fit: MemoryFit


def _in_order(words: str, wish: str, budget: MemoryBudget) -> list[ModelEntry]:
    """Return the models of the catalogue in which all words occur, the best for the wish on this computer first."""
    found = [_Offered(entry, *best_variant(entry, budget.usable)) for entry in _catalogue().search(words)]
    return [offered.entry for offered in in_order(found, wish)]


def _entry_rows(entry: ModelEntry, budget: MemoryBudget, speeds: Sequence[WeightSpeed]) -> Iterator[dict[str, Any]]:
    for variant, facts in zip(entry.variants, weight_facts(entry, speeds), strict=True):
        yield _result(entry, variant, fit_of(variant, budget.usable), facts)


def _repository_rows(hub: Hub, name: str, budget: MemoryBudget, speeds: Sequence[WeightSpeed]) -> list[dict[str, Any]]:
    """Return the pairs of a repository; their headers are read to say whether they fit, and can be loaded at all."""
    found = candidate(hub, name)
    entry = replace(found.entry, id=name)
    return [
        _result(entry, variant, fit_or_reason(variant, partial(read_headers, hub, pair), budget), facts)
        for pair, variant, facts in zip(found.pairs, entry.variants, weight_facts(entry, speeds), strict=True)
    ]


def _result(
    entry: ModelEntry, variant: Variant, found: MemoryFit | UserError | StoreError, facts: WeightFacts
) -> dict[str, Any]:
    fit = found if isinstance(found, MemoryFit) else None
    return {
        "id": entry.id,
        "title": entry.title,
        "repository": entry.repository,
        "quantisation": variant.quantisation,
        "files": [file.path for file in variant.files],
        "size": variant.size,
        "fits": fit.verdict if fit else "",
        "n_ctx": fit.n_ctx if fit else 0,
        "needed": fit.needed if fit else 0,
        "sees": fit is not None,
        "problem": "" if fit else str(found),
        "reading": round(facts.reading, 2),
        "writing": round(facts.writing, 2),
        "fastest": facts.is_fastest,
        "loss": facts.loss,
        "best": facts.is_best,
        "published": {"source": entry.published.source, **entry.published.points} if entry.published.points else {},
        "licence": entry.licence,
        "terms": entry.terms,
        "gated": entry.gated,
    }


def _print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print a table; speeds are in it once they were measured on this computer."""
    measured = any(row["reading"] for row in rows)
    head = list(texts.MODELS_HEAD_SEARCH)
    head[5:5] = [*(texts.MODELS_HEAD_SPEED if measured else ()), texts.MODELS_HEAD_LOSS]
    print_table(head, [_printed(row, measured=measured) for row in rows])
    print(texts.MODELS_LOSS_NOTE.format(source=SOURCE))


def _printed(row: dict[str, Any], *, measured: bool) -> tuple[str, ...]:
    fits = texts.MODELS_FITS[row["fits"]].format(n_ctx=row["n_ctx"])
    sees = texts.MODELS_YES_NO[row["sees"]]
    speeds = ("?", "?")
    if row["reading"]:
        writes = f"{row['writing']:.1f}"
        speeds = f"{row['reading']:.0f}", texts.MODELS_FASTEST.format(speed=writes) if row["fastest"] else writes
    loss = "?" if row["loss"] is None else f"+{row['loss']:.2f}"
    return (
        *(row["id"], row["quantisation"], size_text(row["size"]), fits, sees),
        *(speeds if measured else ()),
        texts.MODELS_LEAST.format(loss=loss) if row["best"] else loss,
        *(row["licence"] or "?", row["title"]),
    )


def _on_the_hub(hub: Hub, words: str) -> list[dict[str, Any]]:
    try:
        found = hub.search(words)
    except StoreError as error:
        print(texts.MODELS_HUB_SILENT.format(sentence=in_one_line(error)), file=sys.stderr)
        return []
    return [{"repository": one.name, "downloads": one.downloads, "gated": one.gated} for one in found]
