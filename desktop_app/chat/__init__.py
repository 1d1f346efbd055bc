"""Conversations: their data, how they become a prompt, and their database. Uses only the standard library."""
