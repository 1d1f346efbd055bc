"""`make bench`: what the person waits for, measured beside others on the same computer in one run.

Real weights are not needed: speed and memory depend on shapes alone, so `real_shapes` makes files of
LLaVA-1.5-7B's shapes from random numbers. Every party is measured in a process of its own (`party`), which
writes what it measured, or why it could not, into a sheet (`results`); `aims` compares.
"""
