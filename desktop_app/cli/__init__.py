"""The `eyebright` command: runs a verb such as `ask` in the terminal, without a window and without Qt."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from desktop_app import logs
from desktop_app.cli import arguments, texts
from desktop_app.cli.endings import ended_by_signals
from desktop_app.cli.exit_codes import ExitCode
from desktop_app.cli.request import (
    AskRequest,
    DoctorRequest,
    PlanRequest,
    SelfTestRequest,
    TuneRequest,
    VerbRequest,
    WindowRequest,
)
from desktop_app.cli.terminal import failed_output, in_one_line, plain_terminal
from desktop_app.errors import UserError
from model_store.atomic_files import means_no_room
from model_store.errors import StoreError

_DEATHS = ("engine-died", "model-ends-engine")

__all__ = ["SelfTestRequest", "WindowRequest", "parse", "run"]


def parse(words: Sequence[str]) -> VerbRequest | WindowRequest:
    """Return what stands after `eyebright`. What makes no sense ends the program with one sentence."""
    with plain_terminal(), _one_sentence():
        try:
            return arguments.parse(words)
        except SystemExit:  # after --help, say
            sys.stdout.flush()
            raise


def run(request: VerbRequest) -> int:
    """Carry out what was asked for and return the exit code, an `ExitCode`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with plain_terminal(), ended_by_signals(), _one_sentence():
            code = _carry_out(request)
            sys.stdout.flush()
            return code
    except _Ended as ended:
        return ended.exit_code
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left to do takes no time


class _Ended(SystemExit):
    def __init__(self, code: ExitCode) -> None:
        super().__init__(code)
        self.exit_code = code


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Say in one sentence what went wrong, and end with the code for it."""
    try:
        yield
    except KeyboardInterrupt:
        raise _Ended(ExitCode.INTERRUPTED) from None
    except Exception as error:
        raise _Ended(_told(error)) from error


def _told(error: Exception) -> ExitCode:
    if isinstance(error, OSError) and error is failed_output():
        if isinstance(error, BrokenPipeError):
            return ExitCode.PIPE_CLOSED
        error = UserError("output-disk-full" if means_no_room(error) else "output-unusable")
    elif isinstance(error, OSError) and means_no_room(error):
        error = UserError("output-disk-full")
    if isinstance(error, (UserError, StoreError)):
        print(texts.ERROR.format(sentence=in_one_line(error)), file=sys.stderr)
        return ExitCode.FAILED if error.code in _DEATHS else ExitCode.BAD_INPUT
    print(texts.BUG + "\n\n" + logs.report(error), file=sys.stderr)
    return ExitCode.FAILED


def _carry_out(request: VerbRequest) -> int:
    """Import no more than the verb needs: the first word of the answer waits for it."""
    match request:
        case AskRequest():
            from desktop_app.cli.ask import ask

            return ask(request)
        case PlanRequest():
            from desktop_app.cli.plan import plan

            return plan(request)
        case TuneRequest():
            from desktop_app.cli.tune import tune

            return tune(request)
        case DoctorRequest():
            from desktop_app.cli.doctor import doctor

            return doctor()
        case SelfTestRequest():
            from desktop_app.cli.self_test import self_test

            return self_test()
        case _:
            from desktop_app.cli.models import models

            return models(request)
