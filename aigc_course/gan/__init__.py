"""Generative adversarial networks: losses, toys on known densities, networks for images, training."""
