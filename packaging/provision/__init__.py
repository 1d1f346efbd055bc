"""Sets up and checks Eyebright from a clone of the repository.

Standard library only, since nothing is installed yet.
"""
