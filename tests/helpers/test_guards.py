"""The guards themselves: leaks and stray messages fail a test, and everything else passes."""

import sys
from collections.abc import Callable

import pytest

from tests.helpers.paths import REPOSITORY

Run = Callable[[str], pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a test file under the guards alone, in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setattr(pytester, "_getpytestargs", lambda: (sys.executable, "-mpytest"))

    def run_file(source: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=source)
        return pytester.runpytest_subprocess(
            "-p", "tests.helpers.guards", "-p", "tests.helpers.qt", "-p", "no:cacheprovider"
        )

    return run_file


def failed_with(result: pytest.RunResult, *lines: str) -> None:
    """The guard reports as an error after a test that itself passed."""
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([*lines])


def test_calm_test_passes(run: Run) -> None:
    result = run(
        """
        import os, subprocess, sys, threading

        def test(home):
            assert os.environ["EYEBRIGHT_HOME"] == str(home)
            thread = threading.Thread(target=print)
            thread.start()
            subprocess.run([sys.executable, "-c", ""], check=True)
        """
    )
    result.assert_outcomes(passed=1)


def test_left_thread_fails_and_names_the_line(run: Run) -> None:
    result = run(
        """
        import threading

        def test():
            threading.Thread(target=threading.Event().wait, args=(20,), daemon=True).start()
        """
    )
    failed_with(result, "left behind: thread 'Thread-1*', started at *test_it.py:4 in test*")


def test_left_process_fails_and_names_the_line(run: Run) -> None:
    result = run(
        """
        import subprocess, sys
        keep = []

        def test():
            keep.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

        def teardown_module():
            keep[0].communicate(b"\\n")
        """
    )
    failed_with(result, "left behind: process *input()*, started at *test_it.py:5 in test*")


def test_left_qt_thread_fails(run: Run) -> None:
    result = run(
        """
        from PySide6.QtCore import QThread
        thread = QThread(objectName="reader")

        def test(qapp):
            thread.start()

        def teardown_module():
            thread.quit()
            thread.wait()
        """
    )
    failed_with(result, "left behind: QThread 'reader', started at *test_it.py:5 in test*")


def test_left_timer_and_window_fail(run: Run) -> None:
    result = run(
        """
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QLabel
        keep = []

        def test(qapp):
            label = QLabel("hello")
            label.show()
            timer = QTimer(interval=1000)
            timer.start()
            keep.extend([label, timer])
        """
    )
    failed_with(
        result,
        "left behind: QTimer 'every 1000 ms', started at *test_it.py:9 in test*",
        "left behind: window PySide6.QtWidgets.QLabel*",
    )


def test_widget_shown_by_the_fixture_is_cleaned_up(run: Run) -> None:
    result = run(
        """
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QLabel

        def test(show_widget):
            label = show_widget(QLabel("hello"))
            assert label.isVisible()
            timer = QTimer(label)
            timer.start(1000)
        """
    )
    result.assert_outcomes(passed=1)


def test_fixture_of_a_module_may_run_on(run: Run) -> None:
    result = run(
        """
        import threading, pytest

        @pytest.fixture(scope="module")
        def server():
            end = threading.Event()
            thread = threading.Thread(target=end.wait)
            thread.start()
            yield
            end.set()
            thread.join()

        def test_one(server): pass
        def test_two(server): pass
        """
    )
    result.assert_outcomes(passed=2)


def test_stray_log_record_fails(run: Run) -> None:
    result = run(
        """
        import logging

        def test():
            logging.getLogger("shop").warning("out of %s", "bread")
        """
    )
    failed_with(result, "unexpected log WARNING from shop: out of bread")


def test_expected_messages_pass_and_missing_ones_fail(run: Run) -> None:
    result = run(
        """
        import logging

        def test_comes(expected):
            expected.log("out of b...d", logger="shop", level=logging.WARNING)
            logging.getLogger("shop").warning("out of bread")

        def test_optional(expected):
            expected.qt("never", optional=True)

        def test_missing(expected):
            expected.log("out of milk")
        """
    )
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["expected but missing: log /out of milk/"])


def test_stray_qt_message_fails(run: Run) -> None:
    result = run(
        """
        from PySide6.QtCore import qWarning

        def test(qapp):
            qWarning("QPainter::begin: no")
        """
    )
    failed_with(result, "unexpected qt WARNING from default: QPainter::begin: no")


def test_exception_in_a_slot_fails(run: Run) -> None:
    result = run(
        """
        from PySide6.QtCore import QTimer
        from tests.helpers.waiting import pump

        def slot():
            raise ValueError("in a slot")

        def test(qapp):
            QTimer.singleShot(0, slot)
            pump(10)

        def test_expected(qapp, expected):
            expected.exception("ValueError: in a slot")
            test(qapp)
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["unexpected exception ERROR from *: ValueError: in a slot"])


def test_connection_to_another_computer_fails(run: Run) -> None:
    result = run(
        """
        import socket

        def test_local():
            server = socket.create_server(("127.0.0.1", 0))
            with server, socket.create_connection(server.getsockname()):
                pass

        def test_away():
            with socket.socket() as client:
                client.connect(("192.0.2.1", 80))
        """
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*a test wants to connect to 192.0.2.1*"])
