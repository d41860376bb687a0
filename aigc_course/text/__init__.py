"""Text as symbols: counting, cutting up, vectors, and choosing the next token."""
