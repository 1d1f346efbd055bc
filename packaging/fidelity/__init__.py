"""Whether Eyebright sees and reads as the reference does: transformers, with the same weights.

`shapes` and `weights` make models of odd shapes from a seed, with numpy alone; `gguf_files` writes them for
llama.cpp, and the built-in model too. `record` computes with transformers what is to come out, and `compare`
holds the engine against it.
"""
