"""Exercises with their checks, hints and solutions; the quiz; the learner's progress."""
