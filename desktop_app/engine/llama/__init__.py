"""Everything that calls llama.cpp, through `bindings.py`."""
