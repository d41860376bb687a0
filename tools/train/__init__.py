"""See tools/__init__.py."""
