"""Files on disk that save the engine from repeating work. They may be deleted at any time."""
