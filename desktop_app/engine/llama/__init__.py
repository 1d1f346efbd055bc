"""Everything that calls llama.cpp. No other package imports llama_cpp."""
