"""The engine process and the client that drives it."""
