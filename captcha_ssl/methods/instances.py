"""Instance maps: which pieces of two views of an image must agree.

Whole-image vectors average the characters away, and windows of a whole image can be told apart
by their place alone. A `crop` carries no place, so the encoder has to look at the strokes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.models.encoder import Encoder, standardise
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.settings import setting
from captcha_ssl.views.crops import cut, join, spread_positions
from captcha_ssl.views.settings import GentleViewSettings, ViewSettings
from captcha_ssl.views.view import random_view

INSTANCES = ("crop", "window", "frame", "image")


@dataclass(frozen=True)
class InstanceSettings:
    """How an image becomes instances."""

    instances: str = setting("crop", "what is contrasted", choices=INSTANCES)
    crops: int = setting(3, "crops per image (crop)", low=1)
    crop_width: int = setting(32, "width of a crop in pixels, multiple of 4 (crop)", low=8)
    core: int = setting(4, "frames in the middle of a crop that are averaged (crop)", low=1)
    window: int = setting(5, "frames averaged into one instance (window)", low=1)
    frame_shift: int = setting(
        4, "frames by which the place of an image may differ between views (frame)", low=0
    )


class Instances(Protocol):
    """Two random views of a batch, and the embedding of every instance in a view.

    Row i of the embeddings of both views is the same instance; every row of a view gives equally
    many instances, side by side.
    """

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 `[B, C, H, W]` → two float views."""
        ...

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """One view → embeddings `[N, D]`."""
        ...


class Crops:
    """Crops with a view each, joined across images before they are encoded.

    Joining puts a crop beside other neighbours, at another place, in each view: neither context
    nor position nor the zero padding of an edge can tell which crop it is (the rearrangement of
    RCLSTR, Zhang et al., ACM MM 2023, at the level of windows).
    """

    margin = 4
    joined = 3

    def __init__(self, settings: InstanceSettings, views: ViewSettings) -> None:
        self.settings, self.view_settings = settings, views

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Two views `[crops · B, C, H, crop_width]` of the same random crops."""
        width = self.settings.crop_width
        pixels = standardise(images)
        span = max(0, images.shape[3] - width)
        lefts = spread_positions(len(images), self.settings.crops, span, images.device)
        crops = torch.cat(
            [cut(pixels, left - self.margin, width + 2 * self.margin) for left in lefts]
        )
        one, two = (random_view(crops, self.view_settings, width) for _ in range(2))
        return one, two

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """The mean of the `core` middle frames of every crop, `[crops · B, D]`."""
        count = len(view) - len(view) % self.joined
        order = torch.randperm(len(view), device=view.device)
        parts = ((order[:count], self.joined), (order[count:], 1))
        frames = torch.cat([self._frames(encoder, view, *part) for part in parts if len(part[0])])
        core = min(self.settings.core, frames.shape[1])
        first = (frames.shape[1] - core) // 2
        return frames[:, first : first + core].mean(1)[order.argsort()]

    def _frames(self, encoder: Encoder, view: Tensor, order: Tensor, joined: int) -> Tensor:
        frames: Tensor = encoder(join(view[order], joined))
        return frames.reshape(len(order), self.settings.crop_width // STRIDE, encoder.dim)


class Windows:
    """Every window of frames of two views of the whole image: the published case study's map."""

    def __init__(self, settings: InstanceSettings, views: ViewSettings) -> None:
        self.settings, self.view_settings = settings, views

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Two views `[B, C, H, W]` of the whole images."""
        return _whole_views(images, self.view_settings)

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """Frames averaged over windows of `window` frames side by side, `[B · windows, D]`."""
        frames: Tensor = encoder(view)
        window = min(self.settings.window, frames.shape[1])
        pooled = F.avg_pool1d(frames.transpose(1, 2), window).transpose(1, 2)
        return pooled.reshape(-1, encoder.dim)


class Frames:
    """Every frame of the whole image, which is put at another place whenever it is encoded.

    The frames of two views stay aligned, while neither the place nor the distance to the zero
    padding of an edge can tell which frame it is.
    """

    def __init__(self, settings: InstanceSettings, views: ViewSettings) -> None:
        self.settings, self.view_settings = settings, views

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Two views `[B, C, H, W]` of the whole images."""
        return _whole_views(images, self.view_settings)

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """The frames of the view, `[B · frames(W), D]`, encoded with a random margin beside it."""
        batch, _, _, width = view.shape
        most = self.settings.frame_shift
        margin = torch.randint(most + 1, (batch,), device=view.device)
        moved = cut(view, -STRIDE * margin, width + STRIDE * most)
        frames: Tensor = encoder(moved)
        kept = margin[:, None] + torch.arange(encoder.frames(width), device=view.device)
        kept = kept[:, :, None].expand(-1, -1, encoder.dim)
        return frames.gather(1, kept).flatten(0, 1)


class Images:
    """The mean of all frames: one vector for the whole image, as SimCLR has it for photographs."""

    def __init__(self, settings: InstanceSettings, views: ViewSettings) -> None:
        self.settings, self.view_settings = settings, views

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Two views `[B, C, H, W]` of the whole images."""
        return _whole_views(images, self.view_settings)

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """The mean frame of every image, `[B, D]`."""
        frames: Tensor = encoder(view)
        return frames.mean(1)


def _whole_views(images: Tensor, settings: ViewSettings) -> tuple[Tensor, Tensor]:
    pixels, aligned = standardise(images), _aligned(settings)
    return random_view(pixels, aligned), random_view(pixels, aligned)


def _aligned(settings: ViewSettings) -> ViewSettings:
    """The settings with deformations small enough that frames of two whole views correspond.

    A turn or a stretch about the centre that suits a crop moves the ends of a wide image by
    several frames, and the pairs would show different characters.
    """
    most = GentleViewSettings()
    deformations = ("rotation", "shear", "scale")
    capped = {name: min(getattr(settings, name), getattr(most, name)) for name in deformations}
    return replace(settings, **capped)


MAPS: dict[str, Callable[[InstanceSettings, ViewSettings], Instances]] = {
    "crop": Crops,
    "window": Windows,
    "frame": Frames,
    "image": Images,
}


def build_instances(settings: InstanceSettings, views: ViewSettings) -> Instances:
    """The instance map that `settings.instances` names."""
    return MAPS[settings.instances](settings, views)
