"""The models on this computer: adding, checking, moving, exporting and deleting them."""
