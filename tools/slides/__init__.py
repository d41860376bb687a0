"""Lecture mode: the chapters as slides of reveal.js, none of which is larger than its screen of 1280 by 720."""
