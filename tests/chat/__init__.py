"""Tests of what a conversation is and how it is kept."""
