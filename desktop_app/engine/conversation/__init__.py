"""A conversation with a loaded model: building the prompt, reusing the KV cache, streaming the answer."""
