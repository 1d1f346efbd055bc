"""A conversation with a loaded model: building the prompt, reusing the KV cache, streaming the answer.

Each stretch of text between special tokens is tokenised on its own, with special tokens switched off; special tokens
are inserted by id, and pictures as embeddings. So a typed `</s>` is only letters, also where a file marks its special
tokens as "user defined" and llama.cpp would find them in any text.
"""
