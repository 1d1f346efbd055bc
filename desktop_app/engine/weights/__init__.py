"""Model files before llama.cpp sees them: checks of their headers, and prepared copies of projectors."""
