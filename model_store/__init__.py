"""Finds, fetches and keeps model weights. Knows neither Qt nor desktop_app."""
