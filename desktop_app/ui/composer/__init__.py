"""Where a question is written: text, dropped and pasted pictures, and how closely they are looked at."""
