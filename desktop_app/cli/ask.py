"""`eyebright ask`: asks questions in one conversation, and prints each answer while it is written."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desktop_app import paths
from desktop_app.chat.conversation import describing
from desktop_app.cli import texts
from desktop_app.cli.chosen_files import chosen_files
from desktop_app.cli.engine_process import Interrupts, Status, started_engine
from desktop_app.cli.exit_codes import ExitCode
from desktop_app.cli.output import json_line
from desktop_app.cli.piped import PipedPictures, is_something_piped, piped_pictures, piped_question
from desktop_app.cli.request import AskRequest
from desktop_app.cli.terminal import in_one_line
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Finished,
    FinishReason,
    Inspect,
    Inspected,
    Judge,
    LoadPlan,
    Look,
    ModelInfo,
    PartsReduced,
    Phase,
    PhaseChanged,
    PictureRef,
    Text,
    Turn,
    TurnsDropped,
    gb_down,
    gb_up,
)
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from desktop_app.look_choice import Wish, asks_to_read, look_for
from desktop_app.settings import Settings
from model_store import foreign_files
from model_store.titles import known_title

_WEB = ("http://", "https://", "ftp://", "data:")
_ENDING = re.compile(r"\.\w{2,5}\Z")  # of a file's name
# Escape sequences of an answer must not reach the terminal; a picture may have dictated them.
_UNPRINTABLE = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def ask(request: AskRequest) -> int:
    """Ask all questions; returns 0, or 130 when Ctrl-C ended an answer. Raises `UserError`."""
    questions = [_unicode(piped_question() if one == "-" else one) for one in request.questions] or [""]
    if not request.questions and "-" not in request.pictures and is_something_piped():
        print(texts.NOTE_PIPED, file=sys.stderr)
    if request.pictures and not questions[0].strip():
        questions[0] = describing(len(request.pictures))
    if not all(question.strip() for question in questions):
        raise UserError("question-empty")
    model, mmproj = chosen_files(request.model, request.mmproj)
    if request.pictures and mmproj is None:
        check_files(model, None)  # what is no model at all has no projector either
        raise UserError("projector-needed", model=known_title(model))
    interrupts = Interrupts()
    with _pictures(request.pictures) as pictures, started_engine() as client:
        status = Status()
        inspected = _inspected(client, pictures)
        status.show(texts.STATUS_LOADING)
        info = client.load(model, mmproj, _with_cache(request.settings))
        status.clear()
        if request.think and not info.can_think:
            raise UserError("cannot-think", name=info.name)
        if request.picture_tokens and not (info.any_size is not None and info.any_size.choices):
            raise UserError("no-picture-tokens", name=info.name)
        if info.wording is not None:
            print(texts.NOTE.format(sentence=info.wording), file=sys.stderr)
        for one in inspected:
            for note in one.notes:
                print(texts.NOTE.format(sentence=in_one_line(note)), file=sys.stderr)
        if info.plan is not None and info.plan.reduced:
            print(_reduced(info.plan), file=sys.stderr)
        if info.is_demo:
            for one in inspected:
                if one.looks_photographic:
                    print(texts.NOTE_PHOTOGRAPH.format(name=in_one_line(one.picture.name)), file=sys.stderr)
        seen = _seen(request, info, inspected)
        fine = any(one.has_fine_structure for one in inspected)
        turns: list[Turn] = []
        unseen = seen  # pictures of which no answer has spoken yet
        for number, question in enumerate(questions):
            if number and not request.json:
                print()
            turns.append(Turn(question, unseen))
            reads = any(asks_to_read(one) for one in questions[: number + 1])
            look = look_for(request.look, asks_to_read=reads, fine=fine) if info.quick is not None else Look.WHOLE
            command = Ask(
                client.next_request(),
                _looked_at(turns, look),
                request.sampling,
                _unicode(request.system) if request.system is not None else None,
                request.think,
                Judge.PICTURES if request.json else Judge.NOT,
            )
            with interrupts.stopping(client, command.request):
                finished = _answer(client, command, status, to_screen=not request.json)
            if request.json:
                print(json_line(_figures(finished)), flush=True)
            else:
                _tell_quick_looks(finished)
            if not request.json and finished.stats.finish_reason is FinishReason.LENGTH:
                was_thinking = finished.thought and not finished.text
                longest = texts.NOTE_LONGEST_THOUGHT if was_thinking else texts.NOTE_LONGEST_ANSWER
                print(longest.format(tokens=finished.stats.answer_tokens), file=sys.stderr)
            if interrupts.happened or finished.stats.finish_reason is FinishReason.STOPPED:
                return ExitCode.INTERRUPTED
            if finished.text:
                turns[-1], unseen = Turn(question, unseen, finished.text), ()
            else:
                turns.pop()  # as in the window: it was not answered
    return ExitCode.DONE


def _seen(request: AskRequest, info: ModelInfo, inspected: Sequence[Inspected]) -> tuple[PictureRef, ...]:
    """Return the pictures as the model sees them, apart from how much of each is read."""
    # With models that cannot read a part of the rows, a quick look is one part of the picture, or the fewest tokens.
    most_tiles = 0 if request.look is Wish.QUICK and info.quick is None else None
    return tuple(
        one.picture._replace(
            width=one.width, height=one.height, most_tiles=most_tiles, most_tokens=request.picture_tokens
        )
        for one in inspected
    )


def _looked_at(turns: Sequence[Turn], look: Look) -> tuple[Turn, ...]:
    return tuple(turn._replace(pictures=tuple(one._replace(look=look) for one in turn.pictures)) for turn in turns)


def _tell_quick_looks(finished: Finished) -> None:
    quick = [seen for seen in finished.looks if seen.rows < seen.of_rows]
    if quick:
        rows, there = sum(seen.rows for seen in quick), sum(seen.of_rows for seen in quick)
        print(texts.NOTE_QUICK_LOOK.format(rows=rows, all=there), file=sys.stderr)


def _reduced(plan: LoadPlan) -> str:
    return texts.NOTE_REDUCED.format(
        n_ctx=plan.n_ctx,
        requested=plan.requested_n_ctx,
        needed=gb_up(plan.needed_as_requested),
        available=gb_down(min(plan.usable, plan.free)),
    )


def _answer(client: EngineClient, command: Ask, status: Status, to_screen: bool) -> Finished:
    """Follow one answer to its end; what is shown ends with a line break."""
    shown = False
    try:
        for event in client.request(command):
            if isinstance(event, PhaseChanged):
                if event.phase is Phase.LOOKING:
                    looking = texts.STATUS_LOOKING if event.parts == 1 else texts.STATUS_LOOKING_PARTS
                    numbers = {"number": event.done + 1, "count": event.total}
                    status.show(looking.format(part=event.part + 1, parts=event.parts, **numbers))
                elif event.phase is Phase.READING:
                    status.show(texts.STATUS_READING.format(done=event.done, total=event.total))
                elif event.phase is Phase.THINKING:
                    status.show(texts.STATUS_THINKING)
            elif isinstance(event, TurnsDropped):
                status.clear()
                one = event.turns == 1
                print(texts.NOTE_DROPPED_ONE if one else texts.NOTE_DROPPED.format(turns=event.turns), file=sys.stderr)
            elif isinstance(event, PartsReduced):
                status.clear()
                note = texts.NOTE_PICTURE_TOKENS if event.in_tokens else texts.NOTE_PARTS
                print(note.format(parts=event.parts, requested=event.requested), file=sys.stderr)
            elif isinstance(event, Text):
                status.clear()
                if to_screen:
                    shown = True
                    print(event.text.translate(_UNPRINTABLE), end="", flush=True)
            elif isinstance(event, Finished):
                if to_screen and not shown:
                    print()  # an answer of no words
                return event
    finally:
        status.clear()
        if shown and sys.exc_info()[0] is not BrokenPipeError:
            print(flush=True)
    raise AssertionError("a request ends with its final event")


def _figures(finished: Finished) -> dict[str, Any]:
    stats, certainty = finished.stats, finished.certainty
    words = certainty.words if certainty is not None else ()
    return {
        "answer": finished.text,
        "thought": finished.thought,
        "finish_reason": stats.finish_reason.value,
        "prompt_tokens": stats.prompt_tokens,
        "reused_tokens": stats.reused_tokens,
        "evaluated_tokens": stats.evaluated_tokens,
        "image_encodes": stats.image_encodes,
        "answer_tokens": stats.answer_tokens,
        "dropped_turns": stats.dropped_turns,
        "pictures": [{"sha256": seen.sha256, "rows": seen.rows, "of_rows": seen.of_rows} for seen in finished.looks],
        "time_to_first_token_s": round(stats.time_to_first_token_s, 4),
        "tokens_per_second": round(stats.tokens_per_second, 2),
        "peak_memory_bytes": stats.peak_memory_bytes,
        "sureness": certainty.sureness.value if certainty is not None else None,
        "least_probability": round(certainty.least, 4) if certainty is not None else None,
        "words": [
            {
                "word": finished.text[word.start : word.end],
                "probability": round(word.probability, 4),
                "log_ratio_by_picture": round(word.picture, 4) if word.picture is not None else None,
            }
            for word in words
        ],
    }


def _with_cache(settings: EngineSettings) -> EngineSettings:
    """Let what the window keeps be used, and pictures be kept too; conversations are over with the last answer."""
    try:
        folder, chosen = paths.cache_folder(), Settings.peek(paths.settings_file())
    except OSError:
        return settings  # a home that cannot be written
    return settings._replace(cache_folder=str(folder), cache_mb=chosen.value("disk_cache_mb"), saves_kv_cache=False)


def _inspected(client: EngineClient, pictures: Sequence[PictureRef]) -> list[Inspected]:
    """Have every picture read once, so that a bad one is refused before minutes of loading."""
    events = (event for picture in pictures for event in client.request(Inspect(client.next_request(), picture)))
    return [event for event in events if isinstance(event, Inspected)]


@contextmanager
def _pictures(named: Sequence[str]) -> Iterator[tuple[PictureRef, ...]]:
    """Yield what the engine is told about the files; what comes through a pipe lies in a file meanwhile."""
    with piped_pictures() as piped:
        yield tuple(_picture(name, piped) for name in named)


def _picture(name: str, piped: PipedPictures) -> PictureRef:
    if name == "-" or foreign_files.is_pipe(name):
        label = texts.STANDARD_INPUT if name == "-" else name
        copy = piped.kept(name, label)
        return PictureRef(_sha256(copy, label), str(copy), label)
    path = Path(name)
    if name.lower().startswith(_WEB) and not foreign_files.exists(path):
        raise UserError("web-address")
    if _is_like_a_question(name) and not foreign_files.exists(path):
        raise UserError("no-such-picture", name=name)
    return PictureRef(_sha256(path, name), str(path.absolute()), path.name or name)


def _is_like_a_question(name: str) -> bool:
    return (" " in name or "?" in name) and not _ENDING.search(name)


def _sha256(path: Path, name: str) -> str:
    """Return the SHA-256 of a file; one that cannot be read is left for the engine to explain."""
    total = hashlib.sha256()
    try:
        with foreign_files.open_file(path) as file:
            while chunk := file.read(1 << 20):
                total.update(chunk)
    except OSError:
        return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()
    return total.hexdigest()


def _unicode(text: str) -> str:
    """Replace bytes of the command line that are no Unicode; the model could not read them either."""
    return text.encode(errors="surrogateescape").decode(errors="replace")
