"""Measures which settings run a model fastest on this computer.

Here "reading" is prompt processing (prefill), and "writing" is token generation.
"""
