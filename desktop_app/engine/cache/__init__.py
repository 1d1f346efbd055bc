"""Files on disk that save the engine from repeating work. They may be deleted at any time.

Embeddings of pictures (in half precision), the KV cache of the last conversations (in blocks of 64 cells) and the
tokens of answers. All are bounded by the setting `disk_cache_mb`: what was used longest ago is deleted first,
whatever was not used for a month too, and at 0 everything. The name of a file is made from all that its content
depends on: the picture, the weights, llama.cpp's version, the settings of the context, and for a block of the KV
cache every cell before it. Files are written when the engine has been idle for two seconds, one block at a time so
that the next command need not wait, and at the end; they are read when a conversation is opened or asked.
"""
