"""What the Markdown of an answer says: parsed once in the same way for the window and for web pages. Knows no Qt."""
