"""Texts of the model manager: whether a model fits, sizes, times, and the state of a download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QDir

from desktop_app.engine.messages import gb_down, gb_up
from desktop_app.errors import QT_TRANSLATE_NOOP
from desktop_app.memory_fit import MemoryFit
from desktop_app.services.models.manager import Offer
from desktop_app.services.models.tasks import ImportPlan, Task
from desktop_app.ui.sentences import data_size, duration, error_text, number, relative_date, translate
from desktop_app.ui.widgets.theme import ColourRole
from desktop_app.weight_choice import SOURCE, WeightFacts
from model_store.catalogue import ModelEntry, Variant
from model_store.jobs import NOTES, DownloadJob, JobState, Role
from model_store.library.installed import InstalledModel, State

#: Assumed until a download was measured: a home connection of 50 Mbit/s.
USUAL_SPEED = 50e6 / 8  # bytes per second

FIT_ROLES: dict[str, ColourRole] = {"fits": "good", "reduced": "warning", "too-large": "danger"}

LANGUAGES = {
    "en": QT_TRANSLATE_NOOP("Models", "English"),
    "zh": QT_TRANSLATE_NOOP("Models", "Chinese"),
    "de": QT_TRANSLATE_NOOP("Models", "German"),
    "fr": QT_TRANSLATE_NOOP("Models", "French"),
    "es": QT_TRANSLATE_NOOP("Models", "Spanish"),
    "ja": QT_TRANSLATE_NOOP("Models", "Japanese"),
}
_FAST = 1e8  # bytes per second; with three digits before the unit, like most that is slower
_LONG = 9 * 3600 + 59 * 60  # seconds
_FEW = 10  # tokens per second: below, decimals tell
_MOST_LANGUAGES = 2  # named before "and more"

#: Name of a published test -> what it asks for.
TESTED = {
    "DocVQA": QT_TRANSLATE_NOOP("Models", "documents"),
    "OCRBench": QT_TRANSLATE_NOOP("Models", "text in pictures"),
    "ChartQA": QT_TRANSLATE_NOOP("Models", "charts"),
    "InfoVQA": QT_TRANSLATE_NOOP("Models", "infographics"),
    "AI2D": QT_TRANSLATE_NOOP("Models", "diagrams"),
    "RealWorldQA": QT_TRANSLATE_NOOP("Models", "everyday photos"),
    "MMMU": QT_TRANSLATE_NOOP("Models", "knowledge"),
    "MMMLU": QT_TRANSLATE_NOOP("Models", "knowledge in 14 languages"),
}
_MOST_TESTS = 2  # named on a card


def fit_text(fit: MemoryFit) -> str:
    """Return whether a model fits, in a few words."""
    if fit.verdict == "fits":
        return translate("Models", "Fits this computer")
    if fit.verdict == "reduced":
        return translate("Models", "Fits with {n_ctx} tokens").format(n_ctx=fit.n_ctx)
    return translate("Models", "Does not fit")


def fit_reason(fit: MemoryFit) -> str:
    """Return why a model fits or does not, in one sentence."""
    sizes = {"needed": gb_up(fit.needed), "usable": gb_down(fit.usable), "n_ctx": fit.n_ctx}
    if fit.verdict == "fits":
        words = translate(
            "Models", "It needs {needed} GB of memory with a context of {n_ctx} tokens; {usable} GB can be used."
        )
    elif fit.verdict == "reduced":
        words = translate(
            "Models",
            "With a context of {n_ctx} tokens it needs {needed} GB of memory; {usable} GB can be used. A larger "
            "context would not fit.",
        )
    else:
        words = translate(
            "Models", "It needs at least {needed} GB of memory, but only {usable} GB can be used on this computer."
        )
    return words.format(**sizes)


def why_nothing_fits(offers: Sequence[Offer], free: int) -> str:
    """Return why no model of the catalogue fits this computer; "" if the catalogue is empty.

    `free`: bytes on the disk of the models.
    """
    fitting = [offer for offer in offers if offer.fit.verdict != "too-large"]
    if fitting:
        least = min(fitting, key=lambda offer: offer.variant.size)
        words = translate(
            "Models",
            "None of these models fits on the disk: {title} needs {size}, and only {free} is free. Free some "
            "space, or move the models to another disk under Sources.",
        )
        return words.format(title=least.entry.title, size=data_size(least.variant.size), free=data_size(free))
    if not offers:
        return ""
    least = min(offers, key=lambda offer: offer.fit.needed)
    words = translate(
        "Models",
        "None of these models fits into this computer's memory. {title} comes closest: it needs {needed} GB. "
        "You can still ask the built-in model about simple drawings.",
    )
    return words.format(title=least.entry.title, needed=gb_up(least.fit.needed))


def blind() -> str:
    """Return what a model without a projector does not do."""
    return translate("Models", "It answers questions, but cannot see pictures.")


def projector_helps() -> str:
    """Return what helps a model that is about to be added without a projector."""
    return translate(
        "Models",
        "No projector (mmproj) was found beside it. If the model was made to see pictures, it can with its projector: "
        "add both files together, or add the projector afterwards.",
    )


def copy_or_use(folder: Path, *, one: bool) -> str:
    """Return what the two ways to add models from files do; `folder`: where a copy goes."""
    words = (
        translate("Models", "A copy goes to {folder}. Used where it is, it takes no more room, but must stay there.")
        if one
        else translate("Models", "Copies go to {folder}. Used where they are, they take no more room, but must stay.")
    )
    return words.format(folder=QDir.toNativeSeparators(str(folder)))


def planned(plan: ImportPlan) -> str:
    """Return a model that can be added: its title and size, and how it sees, each file with its name."""
    size = size_in_files(plan.size, sum(file.role is Role.MODEL for file in plan.files))
    words = translate("Models", "{title}, {size}").format(title=plan.title, size=size)
    projector = next((file.path.name for file in plan.files if file.role is Role.PROJECTOR), "")
    if not projector:
        return f"{words}. {blind()}"
    return translate("Models", "{model}, with {projector}").format(model=words, projector=projector)


def size_in_files(size: int, count: int) -> str:
    """Return the size of a model, and in how many files its language model is if it was split."""
    if count == 1:
        return data_size(size)
    return translate("Models", "{size} in {count} files").format(size=data_size(size), count=count)


def download_time(size: int, speed: float) -> str:
    """Return how long a download would take; `speed` in bytes per second, 0: not measured yet."""
    if speed:
        return translate("Models", "about {time}").format(time=duration(size / speed))
    return translate("Models", "about {time} at 50 Mbit/s").format(time=duration(size / USUAL_SPEED))


def languages(entry: ModelEntry) -> str:
    """Return the languages that a model speaks."""
    known = [translate("Models", LANGUAGES[code]) for code in entry.languages if code in LANGUAGES][:_MOST_LANGUAGES]
    words = ", ".join(known)
    return (
        translate("Models", "{languages} and more").format(languages=words)
        if len(entry.languages) > len(known)
        else words
    )


def published(entry: ModelEntry) -> str:
    """Return the results of published tests, "" if none are known."""
    results = [
        translate("Models", "{what} {points} ({test})").format(
            what=translate("Models", TESTED[test]), points=number(points, 1), test=test
        )
        for test, points in list(entry.published.points.items())[:_MOST_TESTS]
    ]
    if not results:
        return ""
    return translate("Models", "In tests, of 100 points: {results}").format(results=", ".join(results))


def weight_facts_lines(facts: Mapping[Variant, WeightFacts]) -> list[str]:
    """Return for each variant how fast it is on this computer, as far as it was measured, and what it loses."""
    known = {variant.quantisation: _weight_facts(one) for variant, one in facts.items()}
    line = translate("Models", "{name}: {facts}")
    return [line.format(name=name, facts=told) for name, told in known.items() if told]


def weight_marks(facts: WeightFacts) -> list[str]:
    """Return what distinguishes a variant from the others of its model."""
    marks = []
    if facts.is_fastest:
        marks.append(translate("Models", "fastest"))
    if facts.is_best:
        marks.append(translate("Models", "loses least"))
    return marks


def _weight_facts(facts: WeightFacts) -> str:
    known = []
    if facts.reading:
        known.append(
            translate("Models", "reads about {reading}, writes about {writing} tokens per second here").format(
                reading=number(facts.reading), writing=number(facts.writing, int(facts.writing < _FEW))
            )
        )
    if facts.loss is not None:
        known.append(translate("Models", "perplexity +{loss}").format(loss=number(facts.loss, 2)))
    return " · ".join((*known, *weight_marks(facts)))


def weight_facts_tip() -> str:
    """Return what the figures mean, and where they are from."""
    return translate(
        "Models",
        "The speed was measured on this computer, and scaled to the size of the model. Perplexity: how much worse "
        "Llama 3 8B foretells text when it is stored like this; less is better. From {source}",
    ).format(source=SOURCE)


def job_text(job: DownloadJob) -> str:
    """Return the progress and state of a download, in one line."""
    amount = data_size(job.done)
    if job.total:
        amount = translate("Models", "{done} of {total}").format(done=data_size(job.done), total=data_size(job.total))
    if job.state is JobState.RUNNING:
        if job.speed:
            amount += " · " + translate("Models", "{size}/s").format(size=data_size(int(job.speed)))
        state = job_state(job)
        return f"{amount} · {state}" if state else amount
    return f"{amount} · {job_state(job)}"


def longest_job_text(job: DownloadJob) -> str:
    """Return the longest that `job_text` may say of a download before it ends."""
    states = (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED, JobState.WAITING)
    later = (replace(job, state=state, speed=_FAST, seconds_left=_LONG) for state in states)
    return max([job_text(job), *map(job_text, later)], key=len)


def job_state(job: DownloadJob) -> str:
    """Return how long a running download still takes, "" if that is not known yet; the state of another one."""
    if job.state is JobState.RUNNING:
        left = translate("Models", "about {time} left")
        return left.format(time=duration(job.seconds_left)) if job.seconds_left is not None else ""
    return {
        JobState.QUEUED: translate("Models", "queued"),
        JobState.WAITING: translate("Models", "waiting for the network"),
        JobState.PAUSED: translate("Models", "paused"),
        JobState.FAILED: translate("Models", "stopped"),
        JobState.DONE: translate("Models", "complete"),
        JobState.CANCELLED: translate("Models", "cancelled"),
    }[job.state]


def job_problem(job: DownloadJob) -> str:
    """Return why a download waits or has stopped, "" while nothing is wrong."""
    if job.error is None or job.state not in (JobState.FAILED, JobState.WAITING):
        return ""
    return error_text(job.error)


def job_notes(job: DownloadJob) -> str:
    """Return the notes on a download that is not stopped by them, one line each."""
    return "\n".join(translate("notes", NOTES[note]) for note in job.notes)


def job_details(job: DownloadJob) -> str:
    """Return the files of a download, one line each, and why it waits."""
    lines = []
    for file in job.files:
        total = data_size(file.total) if file.total else "?"
        lines.append(
            translate("Models", "{name}: {done} of {total}").format(
                name=file.name, done=data_size(file.done), total=total
            )
        )
    if job.error is not None:
        lines.append(error_text(job.error))
    return "\n".join(lines)


def state_text(model: InstalledModel) -> str:
    """Return what is wrong with an installed model, "" when nothing is."""
    if model.state is State.MISSING:
        return translate(
            "Models",
            "A file is missing, or its disk is not connected. Connect the disk, or delete the model and add it again.",
        )
    if model.state is State.CHANGED:
        return translate(
            "Models", "A file has changed since it was installed. Repair the model, or delete it and add it again."
        )
    if model.state is State.UNVERIFIED:
        return translate("Models", "Not checked since its files were last changed.")
    return ""


def installed_facts(model: InstalledModel) -> str:
    """Return size, kind, licence and last use of an installed model."""
    words = [data_size(model.size)]
    words += [word for word in (model.manifest.quantisation, model.licence) if word]
    if model.in_place:
        words.append(translate("Models", "used where it is") if not model.manifest.program else model.manifest.program)
    if model.last_used:
        words.append(translate("Models", "last used: {date}").format(date=relative_date(model.last_used)))
    else:
        words.append(translate("Models", "not used yet"))
    return " · ".join(words)


def task_text(task: Task) -> str:
    """Return the task on model files and its progress."""
    says = {
        "verify": translate("Models", "Checking {title}"),
        "import": translate("Models", "Adding {title}"),
        "export": translate("Models", "Copying {title}"),
        "move": translate("Models", "Moving the models to {title}"),
    }[task.kind].format(title=task.title)
    if not task.total:
        return says
    amount = translate("Models", "{done} of {total}").format(done=data_size(task.done), total=data_size(task.total))
    return f"{says} · {amount}"
