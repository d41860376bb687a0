"""An image whose attributes are known: one stroke."""

import numpy as np


def line(width=4.0, degrees=0.0, length=18.0):
    """An upright stroke with round ends, leaning to the right; (28, 28) uint8, its edges smooth."""
    y, x = np.mgrid[:28, :28] - 13.5
    angle = np.radians(degrees)
    direction = np.array([np.sin(angle), -np.cos(angle)])  # up and to the right: y points down
    half = (length - width) / 2
    along = np.clip(x * direction[0] + y * direction[1], -half, half)
    distance = np.hypot(x - along * direction[0], y - along * direction[1])
    return np.round(np.clip(width / 2 - distance + 0.5, 0, 1) * 255).astype(np.uint8)
