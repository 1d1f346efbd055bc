"""Helpers for all tests. Import from here; the fixtures are loaded by conftest.py."""
