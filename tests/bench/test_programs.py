"""How the benchmark drives llama.cpp's own programs, by command line and HTTP; here with stand-ins for them."""

import sys
from pathlib import Path

import pytest
from bench.job import QUESTIONS, Job
from bench.measurements import programs
from bench.results import Results, Sheet

_BENCH = """
import json, sys
reading = sys.argv[sys.argv.index("-n") + 1] == "0"
assert sys.argv[sys.argv.index("-o") + 1] == "json"
print(json.dumps([{"n_prompt": 64, "avg_ts": 25.5 if reading else 5.5}]))
"""
_CLI = """
import sys
sys.exit("no such option" if "--image" not in sys.argv else 0)
"""
_SERVER = """
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        Handler.asked += 1
        self.send_response(200 if Handler.asked > 2 else 503)  # it loads at first
        self.end_headers()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        first = body["messages"][0]["content"]
        assert first[0]["image_url"]["url"].startswith("data:image/jpeg;base64,")
        self.send_response(200)
        self.end_headers()
        for words in (None, "It ", "is ", str(len(body["messages"]))):
            line = json.dumps({"choices": [{"delta": {"content": words}}]})
            self.wfile.write(f"data: {line}\\n\\n".encode())
        self.wfile.write(b"data: [DONE]\\n\\n")

    def log_message(self, *anything):
        pass

port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose programs are to be put into its folder."""
    return Job("m.gguf", "p.gguf", str(tmp_path), 1024, 6, 8, 64, 1, depth=100, programs=str(tmp_path))


def _install(job: Job, name: str, code: str) -> None:
    path = Path(job.programs) / name
    path.write_text(f"#!{sys.executable}\n{code}")
    path.chmod(0o755)


def _measured(job: Job) -> Results:
    sheet = Path(job.folder) / "sheet.jsonl"
    programs.measure(job, Sheet(sheet))
    results = Results()
    results.read(sheet)
    return results


@pytest.mark.skipif(sys.platform == "win32", reason="scripts are no programs there")
def test_all_three_are_measured(job: Job) -> None:
    _install(job, "llama-bench", _BENCH)
    _install(job, "llama-mtmd-cli", _CLI)
    _install(job, "llama-server", _SERVER)
    results = _measured(job)
    assert results.reasons == {}
    assert results["programs.llama-bench: reading (tokens/s)"] == 25.5
    assert results["programs.llama-bench: writing (tokens/s)"] == 5.5
    assert results["programs.llama-mtmd-cli: one question, one word, with loading (s)"] > 0
    assert len(results.named("server.first_token_s.")) == len(QUESTIONS)
    assert results["server.load_s"] > 0


@pytest.mark.skipif(sys.platform == "win32", reason="scripts are no programs there")
def test_what_is_missing_or_fails_is_told(job: Job) -> None:
    _install(job, "llama-mtmd-cli", "raise SystemExit('cannot load')")
    _install(job, "llama-server", "raise SystemExit(3)")
    results = _measured(job)
    assert results.values.keys() <= {"server.peak_mib"}
    assert "there is no llama-bench" in results.why("programs.llama-bench: reading (tokens/s)")
    assert "cannot load" in results.why("programs.llama-mtmd-cli: one question, one word, with loading (s)")
    assert "llama-server ended with 3" in results.why("server.first_token_s.1")
