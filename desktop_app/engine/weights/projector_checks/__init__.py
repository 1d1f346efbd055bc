"""What each kind of projector has to hold: a module for each kind, and in `checked_header.py` what all of them use.

`projector_check.py` says which module checks which kind.
"""
