"""Builds the text documents of messages from what the parser finds in their Markdown."""
