"""Instance maps over whole images; the two views stay aligned frame by frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.views.crops import cut
from captcha_ssl.views.settings import ViewSettings, gentle_views
from captcha_ssl.views.view import random_view


class WholeImages:
    """The base of the maps that keep an image whole."""

    def __init__(self, views: ViewSettings) -> None:
        self.view_settings = _aligned(views)

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Two views `[B, C, H, W]` of the whole images."""
        pixels = standardize(images).repeat(2, 1, 1, 1)
        one, other = random_view(pixels, self.view_settings).chunk(2)
        return one, other

    def picture(self, view: Tensor) -> Tensor:
        """The view unchanged."""
        return view

    def check(self, width: int) -> None:
        """Any width is fine."""


class Windows(WholeImages):
    """Every window of `window` frames side by side: the published case study's map."""

    def __init__(self, views: ViewSettings, window: int) -> None:
        super().__init__(views)
        self.window = window

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """Frames averaged over every window, `[B · windows, D]`."""
        frames: Tensor = encoder(view)
        window = min(self.window, frames.shape[1])
        pooled = F.avg_pool1d(frames.transpose(1, 2), window).transpose(1, 2)
        return pooled.reshape(-1, encoder.dim)


class Frames(WholeImages):
    """Every frame of the whole image, which is shifted whenever it is encoded.

    The shifts differ by up to `shift` frames. The frames of two views stay aligned, but neither the
    position nor the distance to the zero padding of an edge identifies a frame.
    """

    def __init__(self, views: ViewSettings, shift: int) -> None:
        super().__init__(views)
        self.shift = shift

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """The frames of the view, `[B · frames(W), D]`, encoded with a random margin beside it."""
        moved, margin = self._moved(view)
        frames: Tensor = encoder(moved)
        kept = margin[:, None] + torch.arange(encoder.frames(view.shape[3]), device=view.device)
        kept = kept[:, :, None].expand(-1, -1, encoder.dim)
        return frames.gather(1, kept).flatten(0, 1)

    def picture(self, view: Tensor) -> Tensor:
        """The view with an example of a shift."""
        return self._moved(view)[0]

    def _moved(self, view: Tensor) -> tuple[Tensor, Tensor]:
        batch, _, _, width = view.shape
        margin = torch.randint(self.shift + 1, (batch,), device=view.device)
        return cut(view, -STRIDE * margin, width + STRIDE * self.shift), margin


class Images(WholeImages):
    """The mean of all frames: one vector per image, as in SimCLR for photographs."""

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """The mean frame of every image, `[B, D]`."""
        frames: Tensor = encoder(view)
        return frames.mean(1)


def _aligned(settings: ViewSettings) -> ViewSettings:
    """The settings with deformations small enough that frames of two whole views correspond.

    A rotation or stretch about the center that suits a crop moves the ends of a wide image by
    several frames, and pairs would show different characters.
    """
    most = gentle_views()
    deformations = ("rotation", "shear", "scale")
    capped = {name: min(getattr(settings, name), getattr(most, name)) for name in deformations}
    return settings.replace(**capped)
