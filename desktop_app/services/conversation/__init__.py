"""The open conversation behind the window: messages, draft, pictures, reading ahead, export."""
