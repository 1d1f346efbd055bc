"""How Eyebright is set up and checked from a clone.

Standard library only, since nothing is installed yet.
"""
