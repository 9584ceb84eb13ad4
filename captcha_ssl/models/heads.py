"""Small networks on top of the encoder: projector and predictor."""

from __future__ import annotations

from torch import nn

from captcha_ssl.models.norm import BatchNorm1d


def projector(
    inputs: int, hidden: int, outputs: int, layers: int, *, last_norm: bool = True
) -> nn.Sequential:
    """Embeddings `[N, inputs]` → `[N, outputs]` through `layers` linear layers.

    Batch normalization follows every layer, ReLU all but the last, whose normalization has no
    affine part (Chen et al., SimCLR 2020, and its public implementation). Without `last_norm` the
    last layer has none, so that length and spread of the outputs are free.
    """
    widths = [inputs, *[hidden] * (layers - 1), outputs]
    parts: list[nn.Module] = []
    for a, b in zip(widths[:-2], widths[1:-1], strict=True):
        parts += [nn.Linear(a, b, bias=False), BatchNorm1d(b), nn.ReLU()]
    parts += [nn.Linear(widths[-2], outputs, bias=False)]
    parts += [BatchNorm1d(outputs, affine=False)] if last_norm else []
    return nn.Sequential(*parts)


def predictor(width: int, hidden: int) -> nn.Sequential:
    """Projections `[N, width]` → `[N, width]` by one hidden layer (Grill et al. 2020)."""
    return nn.Sequential(
        nn.Linear(width, hidden, bias=False),
        BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, width),
    )
