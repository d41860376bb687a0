"""A small model that translates, with and without attention."""
