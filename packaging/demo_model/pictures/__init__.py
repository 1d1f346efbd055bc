"""Drawn scenes, and the pictures of them that the built-in model is trained on."""
