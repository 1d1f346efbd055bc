"""Pictures larger than in a message: one that can be zoomed, beside the conversation and in a window of its own."""
