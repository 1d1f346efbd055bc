"""`make bench`: measures how long a person waits with Eyebright and with other programs, on one computer in one run.

Real weights are not needed: speed and memory depend on shapes alone, so `real_shapes` makes files of
LLaVA-1.5-7B's shapes from random numbers. Each measurement (`parties`) runs in a process of its own
(`measured_process`), which writes its numbers, or why there are none, into a sheet (`results`). `targets` compares.
"""
