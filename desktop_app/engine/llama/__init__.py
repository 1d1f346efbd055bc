"""All code that calls llama.cpp. Only `bindings.py` imports llama_cpp."""
