"""Questions and answers about drawn scenes, as the built-in model is taught to give them."""
