"""Small networks on top of the encoder: projector and predictor."""

from __future__ import annotations

from torch import nn


def projector(inputs: int, hidden: int, outputs: int, layers: int) -> nn.Sequential:
    """Embeddings `[N, inputs]` → `[N, outputs]` through `layers` linear layers.

    Batch normalisation follows every layer, ReLU all but the last, whose normalisation has no
    affine part (Chen et al., SimCLR 2020, and its public implementation).
    """
    widths = [inputs, *[hidden] * (layers - 1), outputs]
    parts: list[nn.Module] = []
    for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
        last = i == layers - 1
        parts += [nn.Linear(a, b, bias=False), nn.BatchNorm1d(b, affine=not last)]
        parts += [] if last else [nn.ReLU()]
    return nn.Sequential(*parts)
