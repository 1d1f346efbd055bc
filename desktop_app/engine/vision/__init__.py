"""How each model family sees a picture: which parts are encoded, and which cells of the prompt they become.

`choose_sight.py` takes one of these for a loaded model:

- `sight.py`: LLaVA-1.5, one padded square.
- `tiled_sight.py`: LLaVA-1.6 and InternVL3, the whole picture and tiles of it, joined as transformers does.
- `sliced_sight.py`: MiniCPM-V, an overview and slices, each between special tokens.
- `mtmd_sight.py`: Qwen2.5-VL, Gemma 3 and SmolVLM2, through mtmd, at the size that each was trained with.

llama.cpp's own way to join tiles is not used. Where the context has no room for all tiles, fewer are encoded before a
picture is dropped.
"""
