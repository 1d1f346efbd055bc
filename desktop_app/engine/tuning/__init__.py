"""Measures which settings run a model fastest on this computer.

Threads for reading and for writing, batch size, flash attention and repacked weights are tried one after the other
(`search.py`). Each way of loading is measured in a process of its own (`trial_process.py`): one that crashes, as
repacking may with AMX (ggml-org/llama.cpp#20824), is left out, and nothing else happens. A model of LLaVA-1.5-7B's
shapes takes some 45 s, and never more than 55. What was measured first is measured again at the end; if the results
differ, other programs disturbed the measurement, and its result is not used.

The result is kept in the cache folder under a name made of the processor, its cores, llama.cpp's libraries, the
weights and the memory (`results.py`). `planning.memory_plan` follows it as far as the memory allows; a number of
threads that the person has set goes before it.
"""
