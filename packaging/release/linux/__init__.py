"""Packages for Linux, and what the libraries of a Linux program ask of a system."""
