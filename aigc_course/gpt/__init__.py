"""GPT-2 written out: the network, its files, its training."""
