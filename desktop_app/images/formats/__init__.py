"""What of a picture file can be known before a decoder sees it: parts that are missing, or better left out."""
