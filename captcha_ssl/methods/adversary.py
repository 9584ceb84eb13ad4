"""The second optimizer of adversarial methods; its state is part of the method's state."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from captcha_ssl.models.ranks import mean_of_ranks
from captcha_ssl.models.task import Progress


class AdversaryAdamW(nn.Module):
    """AdamW (Loshchilov & Hutter 2019) for a network beside the one the loop trains.

    Its moments are buffers, with all parameters concatenated: they are saved and moved with the
    method, so a resumed run is exact. It gets gradients as arguments instead of reading `.grad`, so
    that the network stays frozen for the loop's own optimizer. Several ranks average them here:
    what averages the gradients of the loop sees no frozen network.
    """

    first: Tensor
    second: Tensor
    steps: Tensor

    def __init__(
        self,
        network: nn.Module,
        betas: tuple[float, float] = (0.5, 0.99),
        weight_decay: float = 0.01,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__()
        self.betas, self.weight_decay, self.epsilon = betas, weight_decay, epsilon
        self.sizes = [parameter.numel() for parameter in network.parameters()]
        self.register_buffer("first", torch.zeros(sum(self.sizes)))
        self.register_buffer("second", torch.zeros(sum(self.sizes)))
        self.register_buffer("steps", torch.zeros(()))

    @torch.no_grad()
    def step(self, network: nn.Module, gradients: Iterable[Tensor], lr: Progress) -> None:
        """Move the parameters of `network` by the gradients, given in their order."""
        one, two = self.betas
        gradient = mean_of_ranks(torch.cat([part.reshape(-1).float() for part in gradients]))
        self.steps += 1
        self.first.lerp_(gradient, 1 - one)
        self.second.lerp_(gradient.square(), 1 - two)
        first = self.first / (1 - one**self.steps)
        second = self.second / (1 - two**self.steps)
        change = lr * first / (second.sqrt() + self.epsilon)
        kept = 1 - lr * self.weight_decay
        for parameter, part in zip(
            network.parameters(), torch.split(change, self.sizes), strict=True
        ):
            parameter.mul_(kept).sub_(part.view(parameter.shape))
