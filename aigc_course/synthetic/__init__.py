"""Data that the course makes itself, so that the truth is known."""
