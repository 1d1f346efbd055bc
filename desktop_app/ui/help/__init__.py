"""The Help menu: about, problem reports, updates."""
