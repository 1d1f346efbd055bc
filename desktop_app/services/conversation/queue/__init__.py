"""Questions that wait: the queue of each conversation, who sends from it, and where something happens."""
