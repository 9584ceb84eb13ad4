"""The contract of a method."""

from __future__ import annotations

from torch import Tensor, nn

from captcha_ssl.models.encoder import Encoder


class Method(nn.Module):
    """A way to learn `encoder` without labels.

    A method is built as `Method(encoder, *settings)`, one instance of each class that its
    `settings_classes` names, in that order. Called with a uint8 batch `[B, C, H, W]` on the
    encoder's device and the share of the training that is done, it returns scalar tensors by
    name; `loss` among them is minimised, the others are logged.
    """

    settings_classes: tuple[type, ...] = ()

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor, progress: float) -> dict[str, Tensor]:
        """One training step's losses and figures. Every method has its own."""
        raise TypeError(f"{type(self).__name__} defines no forward")

    def after_step(self, progress: float) -> None:
        """Called once the optimiser has stepped; for momentum encoders and queues."""
