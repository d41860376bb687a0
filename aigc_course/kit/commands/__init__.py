"""What `python -m aigc_course ...` does, one module per command."""
