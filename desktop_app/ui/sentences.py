"""Codes, dates and numbers as texts in the person's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from desktop_app.engine.messages import ModelInfo, Phase
from desktop_app.errors import SENTENCES, UserError
from desktop_app.services.notices import LABELS, Notice, NoticeAction, Notices, Part, template
from desktop_app.ui.widgets.plain_text import MOST_SAID, one_line

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.protocols.conversation import Conversations
    from desktop_app.ui.protocols.engine import Engine
    from desktop_app.ui.protocols.models import Models
    from model_store.errors import StoreError

_LONGEST_TITLE = 60  # characters of one in a sentence
_BUILT_IN = "Eyebright tiny"  # what its file calls the built-in model, and so does every answer of it
translate = QCoreApplication.translate


def error_text(error: UserError | StoreError) -> str:
    """Return the sentence of an expected error, of the program or of the model store."""
    return one_line(error.sentence(lambda english: translate("errors", english)), MOST_SAID)


def error_of(details: Mapping[str, Any]) -> str:
    """Return the sentence of a failed message's `details["error"]`."""
    error = details["error"]
    return translate("errors", SENTENCES[error["code"]]).format(**_plain(error["parameters"]))


def notice_text(notice: Notice) -> str:
    """Return the sentence of a notice."""
    context, english = template(notice)
    return translate(context, english).format(**_plain(notice.parameters))


def part_text(part: Part) -> str:
    """Return one of the things that a notice counts: what it is called, and what happened to it."""
    sentence, name = one_line(part.error.sentence(lambda english: translate("errors", english))), one_line(part.name)
    return sentence if not name or name in sentence else f"{name}: {sentence}"


def part_lines(parts: Iterable[Part]) -> list[str]:
    """Return what happened to the things that a notice counts: what happened to several is said once, with names."""
    same: dict[str, list[Part]] = {}
    for part in parts:
        same.setdefault(one_line(part.error.sentence(_of_several)), []).append(part)
    lines = []
    for sentence, alike in same.items():
        if len(alike) == 1:
            lines.append(part_text(alike[0]))
        else:
            lines += [sentence, ", ".join(one_line(part.name) for part in alike)]
    return lines


def _of_several(english: str) -> str:
    """Return the template of an error for several things at once, where it begins with the name of one."""
    template = translate("errors", english)
    if not template.startswith("{name} "):
        return template
    return template.replace("{name}", translate("errors", "Each of these"), 1)


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is put into a sentence; names of others without line breaks and control characters."""
    return {
        name: value if isinstance(value, int | float) else one_line(str(value)) for name, value in parameters.items()
    }


def action_label(action: NoticeAction, notices: Notices) -> str:
    """Return the words on a notice's button, "" while its action can do nothing."""
    own = notices.own_label(action.code)
    return translate("notices", LABELS[action.label_code]) if own is None else own


def built_in_name() -> str:
    """Return what the built-in model is called everywhere."""
    return translate("models", "Eyebright tiny (built-in)")


def model_name(info: ModelInfo) -> str:
    """Return what a loaded model is called."""
    return built_in_name() if info.is_demo else one_line(info.name)


def name_in_use(engine: Engine, models: Models | None) -> tuple[str, str]:
    """Return what the model is called that is loaded or to be loaded, and what tells it from others of that name.

    `models`: None before the window has asked which there are.
    """
    info = engine.info()
    name = model_name(info) if info is not None else engine.wanted_name()
    if models is None:
        return name, ""
    wanted = models.in_use()
    file = info.model if info is not None else str(wanted.model) if wanted is not None else ""
    return name, models.told_apart(file)


def marked(name: str, mark: str) -> str:
    """Return a model's name with what tells it from others of that name, if there are others."""
    return f"{name} ({mark})" if mark else name


def saved_model_name(name: object) -> str:
    """Return what the model is called that a history names so."""
    return built_in_name() if name == _BUILT_IN else str(name)


def engine_state(state: str) -> str:
    """Return the state of the engine in a word or two."""
    return {
        "starting": translate("status", "starting"),
        "loading": translate("status", "loading"),
        "ready": translate("status", "ready"),
        "unloaded": translate("status", "not in memory"),
        "failed": translate("status", "could not be loaded"),
        "silent": translate("status", "not answering"),
        "dead": translate("status", "stopped"),
    }[state]


def engine_sentence(state: str) -> str:
    """Return a sentence on the state of an engine without a model."""
    return {
        "starting": translate("status", "The engine is starting."),
        "loading": translate("status", "The model is loading."),
        "ready": translate("status", "The model is ready."),
        "unloaded": translate("status", "The model is not in memory. Your next question loads it again."),
        "failed": translate("status", "The model could not be loaded."),
        "silent": translate("status", "The engine does not answer."),
        "dead": translate("status", "The engine has stopped."),
    }[state]


def engine_words(engine: Engine) -> str:
    """Return a sentence on an engine without a model, with the name and the reason where it could not be loaded."""
    problem = engine.problem()
    if engine.state() == "failed" and problem is not None:
        return error_text(problem)
    return engine_sentence(engine.state())


def phase_text(phase: Phase, details: Mapping[str, Any]) -> str:
    """Return what the engine is doing for an answer, with the time it will take if that is known."""
    seconds = round(float(details.get("expected_s", 0.0)))
    if phase is Phase.LOOKING:
        parts = int(details.get("parts", 1))
        if parts > 1:
            text = translate("status", "Looking at the picture, part {part} of {parts}")
            if seconds > 0:
                text = translate("status", "Looking at the picture, part {part} of {parts}, about {seconds} s")
            return text.format(part=int(details["part"]) + 1, parts=parts, seconds=seconds)
        if seconds > 0:
            return translate("status", "Looking at the picture, about {seconds} s").format(seconds=seconds)
        return translate("status", "Looking at the picture")
    if phase is Phase.READING:
        if seconds > 0:
            return translate("status", "Reading the question, about {seconds} s").format(seconds=seconds)
        return translate("status", "Reading the question")
    if phase is Phase.THINKING:
        return translate("status", "Thinking")
    if phase is Phase.WAITING:
        return translate("status", "Waiting")
    return translate("status", "Writing")


def title_of(conversations: Conversations, conversation_id: str) -> str:
    """Return the title of a conversation for a sentence."""
    return one_line(conversations.title(conversation_id), _LONGEST_TITLE) or translate("status", "Untitled")


def duration(seconds: float) -> str:
    """Return about how long something takes: in seconds, from 30 s on in steps of ten; in minutes from 2, in hours."""
    if seconds < 120:
        whole = max(1, round(seconds)) if seconds < 30 else round(seconds / 10) * 10
        return translate("status", "{seconds} s").format(seconds=whole)
    if seconds < 100 * 60:
        return translate("status", "{minutes} min").format(minutes=round(seconds / 60))
    return translate("status", "{hours} h").format(hours=number(seconds / 3600, 1))


def data_size(count: int) -> str:
    """Return a number of bytes in decimal units, of files and of memory: "4.7 GB"."""
    decimals = 1 if count >= 1e9 else 0
    return QLocale().formattedDataSize(count, decimals, QLocale.DataSizeFormat.DataSizeSIFormat)


def number(value: float, decimals: int = 0) -> str:
    """Return a number in the notation of the person's locale."""
    return QLocale().toString(float(value), "f", decimals)


def relative_date(seconds: float, now: float | None = None) -> str:
    """Return when something was: today the time, then the weekday, then the date. Times are seconds since 1970."""
    locale = QLocale()
    then = QDateTime.fromSecsSinceEpoch(int(seconds))
    today = (QDateTime.fromSecsSinceEpoch(int(now)) if now is not None else QDateTime.currentDateTime()).date()
    days = then.date().daysTo(today)
    if days <= 0:
        return locale.toString(then.time(), QLocale.FormatType.ShortFormat)
    if days == 1:
        return translate("dates", "Yesterday")
    if days < 7:
        return locale.standaloneDayName(then.date().dayOfWeek())
    if then.date().year() == today.year():
        return locale.toString(then.date(), translate("dates", "d MMM"))
    return locale.toString(then.date(), QLocale.FormatType.ShortFormat)
