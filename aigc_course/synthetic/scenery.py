"""Pictures of places that do not exist: a sky, hills, a ground, things in them; to film where the truth is known."""

import numpy as np


def scenery(seed: int, height: int, width: int) -> np.ndarray:
    """A picture (height, width, 3) uint8, the same one for the same seed; ValueError below 16 x 16.

    Colors, hills and things are drawn at random, so two seeds hardly ever look alike.
    """
    if height < 16 or width < 16 or seed < 0:
        raise ValueError(f"height {height}, width {width}, seed {seed}: expected at least 16, 16 and 0")
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    above, below = rng.uniform(90, 255, 3), rng.uniform(90, 255, 3)
    picture = above + (below - above) * (y * 6 // height / 5)[..., None]  # the sky, in six stripes
    for layer in range(3):  # hills, from far to near
        waves = rng.uniform(0.02, 0.09, 3), rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.02, 0.06, 3) * height
        ridge = sum(high * np.sin(speed * np.arange(width) + phase) for speed, phase, high in zip(*waves, strict=True))
        level = height * (0.4 + 0.18 * layer + rng.uniform(-0.05, 0.05)) + ridge  # (width,)
        picture = np.where((y > level)[..., None], rng.uniform(20, 210, 3), picture)
    for _ in range(rng.integers(6, 12) * max(1, width // 100)):  # trees, boulders, balloons
        place, radii = rng.uniform((0, 0.2 * height), (width, height)), rng.uniform(0.04, 0.14, 2) * height
        inside = ((x - place[0]) / radii[0]) ** 2 + ((y - place[1]) / radii[1]) ** 2 < 1
        picture[inside] = rng.uniform(0, 255, 3)
    return np.clip(picture, 0, 255).round().astype(np.uint8)
