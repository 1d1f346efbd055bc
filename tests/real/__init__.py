"""Tests with real weights and real vocabularies, which `make test-real` fetches."""
