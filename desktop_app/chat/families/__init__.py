"""The families of vision models: how each was trained to converse, and which one a file belongs to."""
