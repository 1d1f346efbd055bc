"""The model manager, and the offer of a model on the start page."""
