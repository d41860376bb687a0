"""Figures, animations, diagrams, the drawing pad: each shown with a text."""
