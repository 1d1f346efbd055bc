"""What a conversation is: its data, its prompt, its database. Standard library only."""
