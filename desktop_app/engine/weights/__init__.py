"""Model files before llama.cpp opens them: checks of their headers, and corrected copies of projectors.

llama.cpp ends the process when a header is wrong, so every file is checked here first. Where llama.cpp needs to be
told more than a projector's file says, a copy in the cache folder says it; the person's file is never changed.
"""
