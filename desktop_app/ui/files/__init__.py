"""Files: what the person chooses, drops, copies and saves, and what is opened by other programs."""
