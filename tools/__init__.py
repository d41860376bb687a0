"""Scripts for authors, run as `python -m tools.NAME`; they are not part of the installed package."""
