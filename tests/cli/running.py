"""Runs a verb of the command line in the test's own process."""

from desktop_app import cli


def run_verb(*words: str) -> int:
    """Do what stands after `eyebright` and return the exit code."""
    request = cli.parse(words)
    assert not isinstance(request, cli.WindowRequest)
    return cli.run(request)
