"""What the Help menu opens: about, keyboard shortcuts, reports of problems, the check for updates."""
