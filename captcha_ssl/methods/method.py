"""The contract of a method."""

from __future__ import annotations

from torch import Tensor

from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.task import Task
from captcha_ssl.settings import Settings


class Method(Task):
    """A way to learn `encoder` without labels.

    A method is built as `Method(encoder, *settings)`, one instance of each class that its
    `settings_classes` names, in that order. Called with a uint8 batch `[B, C, H, W]` on the
    encoder's device and the share of the training that is done, it returns scalar tensors by
    name; `loss` among them is minimized, the others are logged.
    """

    settings_classes: tuple[type[Settings], ...] = ()
    peak_lr: float = 3e-3
    """The peak learning rate if none is asked for: the better of 1e-3 and 3e-3 in a short trial."""
    supports_ddp: bool = True
    """Whether all ranks converge to identical weights when torchrun starts several."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def check(self, images: Tensor) -> None:
        """Raises UserError when the method cannot learn from images such as these.

        Called once with a sample of the pile, uint8 `[N, C, H, W]`, before a run is begun.
        """

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        """What a step shows the encoder of uint8 `[B, C, H, W]`, and what it asks for.

        Caption → standardized float pictures `[B, C, H', W']`, one per image; NaN where a picture
        has none. Drawn by the functions and the random numbers of `forward`.
        """
        raise TypeError(f"{type(self).__name__} defines no preview")
