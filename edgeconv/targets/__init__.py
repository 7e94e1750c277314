"""Reads and writes the file formats, knowing nothing of how they are made or run."""
