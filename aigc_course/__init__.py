"""Companion package of the course: helpers that the notebooks import, one concept a module."""

__version__ = "0.1.0"
