"""One fake for each service that the window uses: it does what a test says, and records its calls in `calls`.

mypy holds the fakes to `desktop_app.ui.protocols`, like the services. `tests.helpers.fake_services` joins them.
"""

from __future__ import annotations

from typing import Any

Call = tuple[Any, ...]  # a method's name, or another word for it, and its arguments
