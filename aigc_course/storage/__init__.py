"""Weights and checkpoints in safetensors files: written whole or not at all, checked when read."""
