"""The open conversation behind the window: messages, drafts, pictures, reading ahead, export."""
