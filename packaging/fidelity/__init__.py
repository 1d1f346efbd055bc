"""Compares Eyebright's engine with transformers on the same weights: pictures, prompts, embeddings, logits.

`shapes` and `weights` make models of odd shapes from a seed, with numpy alone; `gguf_files` writes them for
llama.cpp. `record` computes with transformers what should come out, and `compare` compares the engine with it.
"""
