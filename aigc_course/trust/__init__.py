"""Experiments on trust in generated content: what models give away, whom they favor, how texts and files are marked."""
