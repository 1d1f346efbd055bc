"""Plans how a model is loaded: the memory there is, the memory it needs, and the settings with which it fits."""
