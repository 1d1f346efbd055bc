"""Model files before llama.cpp loads them: checks of GGUF headers, and modified copies of projectors."""
