"""Measures llama.cpp's own programs, if they are installed: llama-bench, llama-mtmd-cli, llama-server."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.job import QUESTIONS, Job, picture
from bench.memory import PeakWatch
from bench.results import Sheet
from desktop_app.engine.planning.cpu_cores import physical_cores

_START_S = 600  # for a server to load


def measure(job: Job, sheet: Sheet) -> None:
    """Measure with each program that is there."""
    with sheet.row("programs.llama-bench: reading (tokens/s)", "programs.llama-bench: writing (tokens/s)"):
        reading = _bench(job, "-p", str(job.reading_tokens), "-n", "0")
        sheet.put("programs.llama-bench: reading (tokens/s)", reading)
        writing = _bench(job, "-p", "0", "-n", str(job.writing_tokens), "-d", str(job.depth))
        sheet.put("programs.llama-bench: writing (tokens/s)", writing)
    with sheet.row("programs.llama-mtmd-cli: one question, one word, with loading (s)"):
        shown, _ = picture(Path(job.folder), 0)
        started = time.monotonic()
        _output(job, "llama-mtmd-cli", "--mmproj", job.projector, "--image", str(shown), "-p", QUESTIONS[0], "-n", "1")
        sheet.put("programs.llama-mtmd-cli: one question, one word, with loading (s)", time.monotonic() - started)
    with sheet.row("server"):
        _serve(job, sheet)


def _program(job: Job, name: str) -> str:
    path = Path(job.programs) / name
    if not path.exists():
        raise RuntimeError(f"there is no {name} in the folder")
    return str(path)


def _output(job: Job, name: str, *arguments: str) -> str:
    command = [_program(job, name), "-m", job.model, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr.strip().rpartition(chr(10))[2]}")
    return done.stdout


def _bench(job: Job, *arguments: str) -> float:
    threads = str(physical_cores())
    tests = json.loads(_output(job, "llama-bench", *arguments, "-t", threads, "-r", "1", "-o", "json"))
    return float(tests[0]["avg_ts"])


def _serve(job: Job, sheet: Sheet) -> None:
    """Have the conversation with llama-server."""
    shown, _ = picture(Path(job.folder), 0)
    address = "data:image/jpeg;base64," + base64.b64encode(shown.read_bytes()).decode()
    messages: list[dict[str, Any]] = []
    with _server(job, sheet) as port:
        for number, question in enumerate(QUESTIONS, 1):
            text = {"type": "text", "text": question}
            image = [{"type": "image_url", "image_url": {"url": address}}] if number == 1 else []
            messages.append({"role": "user", "content": [*image, text]})
            asked = time.monotonic()
            answer, times = "", []
            for words in _words(port, messages, job.answer_tokens):
                times.append(time.monotonic())
                answer += words
            if not times:
                raise RuntimeError("llama-server answered nothing")
            sheet.put(f"server.first_token_s.{number}", times[0] - asked)
            if number == 2 and len(times) > 2:
                sheet.put("server.writing_tok_s", (len(times) - 1) / (times[-1] - times[0]))
            messages.append({"role": "assistant", "content": answer})


@contextmanager
def _server(job: Job, sheet: Sheet) -> Iterator[int]:
    """Start a server on a free port; yield the port when it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [_program(job, "llama-server"), "-m", job.model, "--mmproj", job.projector, "-c", str(job.n_ctx)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    started = time.monotonic()
    with (Path(job.folder) / "server.log").open("wb") as words:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
    watch = PeakWatch(process.pid, whole=True)
    try:
        while not _is_ready(port):
            if process.poll() is not None:
                raise RuntimeError(f"llama-server ended with {process.returncode}")
            if time.monotonic() - started > _START_S:
                raise RuntimeError(f"llama-server was not ready after {_START_S} s")
            time.sleep(0.1)
        sheet.put("server.load_s", time.monotonic() - started)
        yield port
    finally:
        process.kill()
        process.wait()
        if peak := watch.end():
            sheet.put("server.peak_mib", peak)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False  # nobody listens yet
    finally:
        connection.close()


def _words(port: int, messages: list[dict[str, Any]], tokens: int) -> Iterator[str]:
    """Yield the pieces of an answer as they come."""
    body = json.dumps({"messages": messages, "max_tokens": tokens, "temperature": 0, "stream": True})
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"llama-server refused: {response.status}")
        for line in response:
            data = line.decode().strip().removeprefix("data: ")
            if not data.startswith("{"):
                continue  # an empty line, or the end mark
            choices = json.loads(data).get("choices") or [{}]
            if words := choices[0].get("delta", {}).get("content"):
                yield words
    finally:
        connection.close()
