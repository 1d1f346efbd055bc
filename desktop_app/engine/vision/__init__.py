"""How each model family sees a picture: which parts are encoded, and which cells of the prompt they become.

`choose_processor.py` takes one of these for a loaded model:

- `picture_processor.py`: LLaVA-1.5, one padded square.
- `tiled_processor.py`: LLaVA-1.6 and InternVL3, the whole picture and tiles of it, joined as transformers does.
- `minicpm_processor.py`: MiniCPM-V, an overview and slices, each between special tokens.
- `lfm2_processor.py`: LFM2-VL, tiles and the whole, each behind a special token.
- `mtmd_processor.py`: Qwen's models, Gemma 3 and SmolVLM2, through mtmd, at the size that each was trained with
  (`resizing_for.py`).

`row_selection.py` chooses the rows that are read in a quick look.

llama.cpp's own way to join tiles is not used. Where the context has no room for all tiles, fewer are encoded before a
picture is dropped.
"""
