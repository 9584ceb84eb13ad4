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
    """The default peak learning rate: the better of 1e-3 and 3e-3 in a short trial."""
    supports_ddp: bool = True
    """Whether several ranks of torchrun learn what one does from the whole batch."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def check(self, images: Tensor) -> None:
        """Raises UserError if the method cannot learn from such images.

        Called once with a sample of the images, uint8 `[N, C, H, W]`, before a run starts.
        """

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        """The inputs of the encoder and the targets in a step on uint8 `[B, C, H, W]`.

        Caption → standardized float pictures `[B, C, H', W']`, one per image; NaN outside the
        picture. It uses the functions and the random numbers of `forward`.
        """
        raise TypeError(f"{type(self).__name__} defines no preview")
