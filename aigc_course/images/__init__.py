"""Images: reading them, judging them, serving a model of them."""
