"""Patch location: predict the side and the distance of a second window of text."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.methods.classification import classification_figures, classification_head
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.pictures import side_by_side
from captcha_ssl.methods.pieces import cut_pieces, embed_pieces
from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting


class PatchLocationSettings(Settings):
    """Settings of patch location (Doersch et al. 2015), its eight neighbors reduced to a line."""

    reach: int = setting(
        2, ("largest distance of the other window, in windows; 2 · reach classes"), low=1
    )
    pairs: int = setting(4, "pairs of windows per image", low=1)
    patch_width: int = setting(16, "width of a window in pixels", low=8)
    patch_gap: int = setting(4, "smallest gap between two windows, pixels", low=0)
    patch_jitter: int = setting(2, "range of the random distance, pixels", low=0)


class PatchLocation(Method):
    """Encoder and a head that predicts side and distance from the mean frames of both windows."""

    settings_classes = (PatchLocationSettings,)

    def __init__(self, encoder: Encoder, settings: PatchLocationSettings) -> None:
        super().__init__(encoder)
        self.settings = settings
        self.head = classification_head(2 * encoder.dim, 2 * settings.reach)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        lefts, target = self.draw(images)
        windows = cut_pieces(images, lefts.flatten(0, 1), self.settings.patch_width)
        one, other = embed_pieces(self.encoder, windows).chunk(2, 1)
        both = torch.cat([one, other], 2).transpose(0, 1)
        return classification_figures(self.head(both.flatten(0, 1)), target)

    def check(self, images: Tensor) -> None:
        width, settings = images.shape[3], self.settings
        farthest = settings.reach * (settings.patch_width + settings.patch_gap)
        needed = farthest + settings.patch_jitter + settings.patch_width
        if needed > width:
            raise UserError(
                f"images {width} pixels wide are too narrow for windows {needed} pixels from end "
                "to end; lower reach, patch_width, patch_gap or patch_jitter"
            )

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        """The first pair of each image."""
        lefts = self.draw(images)[0][:, 0]
        windows = cut_pieces(images, lefts, self.settings.patch_width)
        columns = torch.arange(images.shape[3], device=images.device)
        into = columns - lefts[:, :, None]
        shown = ((into >= 0) & (into < self.settings.patch_width)).any(0)
        return {
            "input: one, the other": side_by_side(windows),
            "target: side and distance of the other": standardize(images) * shown[:, None, None],
        }

    def draw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Left edges int64 `[2, pairs, B]` of both windows, and the classes `[pairs · B]`."""
        pairs, batch = self.settings.pairs, len(images)
        one, other, target = self.places(pairs * batch, images.shape[3], images.device)
        return torch.stack([one, other]).view(2, pairs, batch), target

    def places(self, count: int, width: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Left edges of two windows in an image `width` wide, and the class, int64 `[count]`.

        In class 2k the other window is on the left, in 2k + 1 on the right, k + 1 windows away. No
        window leaves the image: repeated edge columns would reveal its position.
        """
        settings = self.settings
        step = settings.patch_width + settings.patch_gap
        target = torch.randint(2 * settings.reach, (count,), device=device)
        varied = torch.randint(settings.patch_jitter + 1, (count,), device=device)
        distance = (target // 2 + 1) * step + varied
        room = width - settings.patch_width - distance
        # Rounding may make a product one too large.
        left = (torch.rand(count, device=device) * (room + 1)).long().minimum(room)
        right = left + distance
        on_the_right = target % 2 == 1
        one = torch.where(on_the_right, left, right)
        return one, torch.where(on_the_right, right, left), target
