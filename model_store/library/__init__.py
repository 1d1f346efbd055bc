"""The models on this computer: adding, checking, moving, exporting and deleting them.

Files that are used where they lie have absolute names in the manifest, and are never written or deleted. Importing
and exporting copy through part files that a killed program leaves for the next try, which compares them with the
source instead of trusting them. Which projector belongs to which model is decided from headers alone (`pairing.py`).
"""
