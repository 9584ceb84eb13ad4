"""Rotation: predict by which quarter or half turn a window of the text is rotated."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.methods.classification import classification_figures, classification_head
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.pictures import side_by_side
from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.crops import cut, spread_positions

TURNS = {"quarter": (0, 1, 2, 3), "half": (0, 2)}
"""Setting → the quarter turns that are the classes."""


class RotationSettings(Settings):
    """Settings of rotation (RotNet, Gidaris et al. 2018), on square windows along the text."""

    turns: str = setting(
        "quarter", "quarter: 0, 90, 180, 270 degrees; half: 0, 180", choices=tuple(TURNS)
    )
    rotation_windows: int = setting(2, "windows per image; each is seen at every turn", low=1)
    rotation_side: float = setting(
        0.75, "side of a window, as a share of the height", low=0.25, high=1.0
    )


class Rotation(Method):
    """Encoder and a head that predicts the turn from the mean frame of a window."""

    settings_classes = (RotationSettings,)

    def __init__(self, encoder: Encoder, settings: RotationSettings) -> None:
        super().__init__(encoder)
        self.settings, self.turns = settings, TURNS[settings.turns]
        self.head = classification_head(encoder.dim, len(self.turns))

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        turned = self.turned(images)
        turn = torch.arange(len(turned), device=images.device)
        logits = self.head(self.encoder(turned.flatten(0, 1)).mean(1))
        return classification_figures(logits, turn.repeat_interleave(turned.shape[1]))

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        return {
            f"input, target: {90 * turn}°": side_by_side(
                windows.chunk(self.settings.rotation_windows)
            )
            for turn, windows in zip(self.turns, self.turned(images), strict=True)
        }

    def turned(self, images: Tensor) -> Tensor:
        """The windows at every turn, `[turns, windows · B, C, H, H]`.

        All turns of a window are in one batch, as in the paper, so that all turns are equally
        frequent.
        """
        windows = self.windows(images)
        return torch.stack([torch.rot90(windows, turn, (2, 3)) for turn in self.turns])

    def windows(self, images: Tensor) -> Tensor:
        """Square windows of uint8 `[B, C, H, W]`, enlarged to the height: `[windows · B, C, H, H]`.

        A window as high as the image would cut characters at the sides, but never at the top or the
        bottom, and that reveals a quarter turn. So it is lower, and its position is random in both
        directions.
        """
        batch, _, height, width = images.shape
        side = min(round(self.settings.rotation_side * height), width)
        pixels = standardize(images)
        lefts = spread_positions(batch, self.settings.rotation_windows, width - side, images.device)
        strips = torch.cat([cut(pixels, left, side) for left in lefts])
        top = torch.randint(height - side + 1, (len(strips),), device=images.device)
        squares = cut(strips.transpose(2, 3), top, side).transpose(2, 3)
        return F.interpolate(squares, (height, height), mode="bilinear", align_corners=False)
