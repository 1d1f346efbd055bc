"""Measures which settings run a model fastest on this computer."""
