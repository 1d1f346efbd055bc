"""Downloads that survive a lost connection, a full disk and the end of the program, and are checked by SHA-256."""
