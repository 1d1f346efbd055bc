"""From untrusted bytes to an upright RGB picture, or a clear refusal."""
