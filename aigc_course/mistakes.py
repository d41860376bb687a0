"""A small network that learns to read digits, with one thing wrong: what each mistake does to the loss (chapter 9)."""

import torch
import torch.nn.functional as F

MISTAKES = ("none", "learning rate", "softmax twice", "gradients kept", "labels shuffled")


def loss_curve(images, labels, mistake="none", seed=0, num_steps=150):
    """The loss of each step. images: (n, pixels) in 0..1, labels: (n,) in 0..9, mistake: one of MISTAKES."""
    rng = torch.Generator().manual_seed(seed)
    W = torch.randn(images.shape[1], 32, generator=rng).div(16).requires_grad_()
    V = torch.randn(32, 10, generator=rng).div(4).requires_grad_()
    optimizer = torch.optim.SGD([W, V], lr=20 if mistake == "learning rate" else 0.3)
    if mistake == "labels shuffled":
        labels = labels[torch.randperm(len(labels), generator=rng)]
    for _ in range(num_steps):
        batch = torch.randint(len(images), (64,), generator=rng)
        logits = (images[batch] @ W).relu() @ V  # (64, 10)
        if mistake == "softmax twice":
            logits = logits.softmax(1)
        loss = F.cross_entropy(logits, labels[batch])
        if mistake != "gradients kept":
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()
