"""Reads picture files that are not trusted, and prepares them for a vision model."""
