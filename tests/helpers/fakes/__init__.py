"""Scripted stand-ins for the services: each does what a test says, and notes in `calls` what it was asked for.

They follow `desktop_app.ui.protocols`, as the services do. `tests.helpers.fake_services` joins them.
"""

from __future__ import annotations

from typing import Any

Call = tuple[Any, ...]  # a method's name, or another word for it, and its arguments
