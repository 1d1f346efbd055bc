"""How much memory there is, how much a model needs, and how it is loaded so that it fits."""
