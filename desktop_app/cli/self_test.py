"""`eyebright self-test`: checks an installation: picture formats, database, window and engine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop_app import paths
from desktop_app.chat.conversation import Message, Role
from desktop_app.cli import texts
from desktop_app.cli.engine_process import started_engine
from desktop_app.cli.exit_codes import ExitCode
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import Ask, Finished, ModelInfo, PictureRef, Sampling, Turn

_WINDOW_S = 60  # a cold disk, and a slow computer


class _CheckFailed(Exception):  # noqa: N818 - not an error of the program
    """The text says how."""


def self_test() -> int:
    """Run all checks, one line each; returns 1 if one failed."""
    with tempfile.TemporaryDirectory(prefix="eyebright-") as name:
        folder = Path(name)
        good = _check(texts.TEST_FORMATS, lambda: _formats(folder))
        good &= _check(texts.TEST_DATABASE, lambda: _database(folder))
        good &= _window()
        with started_engine() as client:
            good &= _check(texts.TEST_ENGINE, lambda: _loaded(client))
            conversation = _Conversation(client, folder)
            good &= _check(texts.TEST_ANSWER, conversation.first)
            good &= _check(texts.TEST_MEMORY, conversation.second)
    return ExitCode.DONE if good else ExitCode.FAILED


def _check(name: str, work: Callable[[], str]) -> bool:
    try:
        detail = work()
    except Exception as error:  # whatever it is, the other checks are worth knowing
        said = str(error) if isinstance(error, _CheckFailed) else f"{type(error).__name__}: {error}"
        print(texts.TEST_FAILED.format(check=name, detail=said.strip().splitlines()[-1]), flush=True)
        return False
    print(texts.TEST_PASSED.format(check=name, detail=detail), flush=True)
    return True


def _formats(folder: Path) -> str:
    from desktop_app.images import self_test_pictures
    from desktop_app.images.reading import open_picture

    # Nothing in the program can write HEIC, as telephones do: this one was drawn before.
    pictures = {"HEIF": paths.resources_folder() / "self_test" / "red-circle.heic"}
    for kind in self_test_pictures.formats():
        pictures[kind] = folder / kind
        pictures[kind].write_bytes(self_test_pictures.red_circle_in(kind))
    for kind, path in pictures.items():
        middle, corner = (open_picture(path, kind).getpixel(place) for place in ((100, 75), (5, 5)))
        assert isinstance(middle, tuple)
        assert isinstance(corner, tuple)
        if not (middle[0] > 180 and middle[1] < 80 and min(corner) > 240):
            raise _CheckFailed(texts.TEST_FORMATS_WRONG.format(kind=kind))
    return ", ".join(pictures)


def _database(folder: Path) -> str:
    from desktop_app.chat.history import History

    path = folder / "conversations.sqlite"
    for again in (False, True):
        history, problem = History.open(path)
        try:
            if problem is not None:
                raise problem
            if not again:
                history.add_conversation("A red circle", [(Message("m", Role.USER, "What is in the picture?"), 1)])
            elif [found.title for found in history.search("picture")] != ["A red circle"] or history.problems():
                raise _CheckFailed(texts.TEST_DATABASE_WRONG)
        finally:
            history.close()
    return texts.TEST_DATABASE_WORKS


def _window() -> bool:
    """Look at Qt, in a process of its own: this one has no window, and a missing library would end it."""
    found: list[dict[str, Any]] = []

    def look() -> str:
        program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "desktop_app"]
        environment = dict(os.environ)
        if sys.platform == "linux" and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
            environment["QT_QPA_PLATFORM"] = "offscreen"
        command = [*program, "self-test", "--window"]
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_WINDOW_S, check=False
        )
        if result.returncode:
            said = result.stderr.strip() or texts.TEST_WINDOW_ENDED.format(code=result.returncode)
            raise _CheckFailed(said.splitlines()[0])
        found.extend(json.loads(result.stdout.splitlines()[-1]))
        return texts.TEST_WINDOW_WORKS.format(**found.pop(0)["detail"])

    good = _check(texts.TEST_WINDOW, look)
    for finding in found:
        passed, failed = texts.TEST_LOOKS[finding["check"]]
        said = (passed if finding["passed"] else failed).format(**finding["detail"])
        line = texts.TEST_PASSED if finding["passed"] else texts.TEST_FAILED
        print(line.format(check=finding["check"], detail=said), flush=True)
        good &= finding["passed"]
    return good


def _loaded(client: EngineClient) -> str:
    info: ModelInfo = client.load(*paths.demo_model())
    if info.class_token == "unknown":
        raise _CheckFailed(texts.DOCTOR_CLASS_TOKENS["unknown"])
    return texts.TEST_ENGINE_READY.format(
        image_tokens=info.image_tokens, class_token=texts.DOCTOR_CLASS_TOKENS[info.class_token]
    )


class _Conversation:
    """Two questions about a drawn picture; the second one must find the first in the KV cache."""

    def __init__(self, client: EngineClient, folder: Path) -> None:
        self._client = client
        self._path = folder / "circle.png"
        self._turns: tuple[Turn, ...] = ()

    def first(self) -> str:
        from desktop_app.images.self_test_pictures import red_circle_in

        content = red_circle_in("PNG")
        self._path.write_bytes(content)
        picture = PictureRef(hashlib.sha256(content).hexdigest(), str(self._path), self._path.name)
        finished = self._ask(Turn(texts.TEST_QUESTION, (picture,)))
        _must_name(finished.text, "red", "circle")
        return texts.TEST_ANSWER_IS.format(answer=finished.text, seconds=finished.stats.time_to_first_token_s)

    def second(self) -> str:
        finished = self._ask(Turn(texts.TEST_FOLLOW_UP))
        stats = finished.stats
        if stats.image_encodes or not stats.reused_tokens:
            raise _CheckFailed(texts.TEST_MEMORY_WRONG.format(reused=stats.reused_tokens, encodes=stats.image_encodes))
        _must_name(finished.text, "red")
        return texts.TEST_MEMORY_WORKS.format(reused=stats.reused_tokens, evaluated=stats.evaluated_tokens)

    def _ask(self, turn: Turn) -> Finished:
        turns = (*self._turns, turn)
        greedy = Sampling(temperature=0, max_tokens=60)
        for event in self._client.request(Ask(self._client.next_request(), turns, greedy)):
            if isinstance(event, Finished):
                self._turns = (*self._turns, Turn(turn.text, turn.pictures, event.text))
                return event
        raise AssertionError("a request ends with its final event")


def _must_name(answer: str, *words: str) -> None:
    if not all(word in answer.lower() for word in words):
        raise _CheckFailed(texts.TEST_ANSWER_WRONG.format(expected=" and ".join(words), answer=answer))
