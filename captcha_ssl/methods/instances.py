"""Instance maps: which pieces of two views of an image must agree.

Whole-image vectors average the characters away, and position alone identifies windows of a whole
image. A `crop` has no position, so the encoder must look at the strokes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from captcha_ssl.data.ink import ImageInk
from captcha_ssl.errors import UserError
from captcha_ssl.methods.pictures import side_by_side
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.whole_images import Frames, Images, Windows
from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.views.crops import cut_all, inked_positions, jittered, join
from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.view import random_view

USUAL_CROPS, USUAL_CROP_WIDTH = 3, 32
_MOST_CROPS, _CROP_WIDTHS = 8, (16, 64)
_CHARACTERS, _PROPORTION = 1.6, 0.75
"""Characters in a crop; and the usual distance of characters in print, in heights of the ink."""
_ALIKE = 1.6
"""Characters up to this many times wider or narrower than usual get the usual crops."""


def fit_instances(
    settings: InstanceSettings, inks: Sequence[ImageInk], width: int
) -> InstanceSettings:
    """The settings, with open values derived from the ink and the `width` of the images.

    Crops are one and a half characters wide; there are as many as fit side by side into an image.
    """
    crop = settings.crop_width or _crop_width(inks)
    crop = crop if settings.crop_width else min(crop, max(8, width - width % STRIDE))
    count = settings.crops or min(_MOST_CROPS, max(USUAL_CROPS, round(width / crop)))
    return settings.replace(crops=count, crop_width=crop)


def _crop_width(inks: Sequence[ImageInk]) -> int:
    if not inks:
        return USUAL_CROP_WIDTH
    heights = [(ink.box[3] - ink.box[1]) * ink.size[0] for ink in inks]
    wanted = _CHARACTERS * _PROPORTION * float(np.median(heights))
    if USUAL_CROP_WIDTH / _ALIKE <= wanted <= USUAL_CROP_WIDTH * _ALIKE:
        return USUAL_CROP_WIDTH
    low, high = _CROP_WIDTHS
    return int(min(high, max(low, STRIDE * round(wanted / STRIDE))))


class Instances(Protocol):
    """Two random views of a batch, and the embedding of every instance in a view.

    Row i of the embeddings of both views is the same instance; every image gives the same number of
    instances, in consecutive rows.
    """

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 `[B, C, H, W]` → two float views."""
        ...

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """One view → embeddings `[N, D]`."""
        ...

    def picture(self, view: Tensor) -> Tensor:
        """One view as a picture of every image, `[B, C, H', W']`."""
        ...

    def check(self, width: int) -> None:
        """Raises UserError when images `width` pixels wide cannot become instances."""
        ...


class Crops:
    """Crops with one view each, joined across images before they are encoded.

    In each view a crop has other neighbors and another position: neither context nor position nor
    the zero padding of an edge identifies a crop (the rearrangement of RCLSTR, Zhang et al., ACM MM
    2023, at the level of windows).
    """

    margin = 4
    joined = 3

    def __init__(self, settings: InstanceSettings, views: ViewSettings) -> None:
        self.settings, self.view_settings = settings, views
        self.count = settings.crops or USUAL_CROPS
        self.width = settings.crop_width or USUAL_CROP_WIDTH

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Two views `[crops · B, C, H, crop_width]` of the same random crops.

        With `jitter`, of crops at places that differ by up to so many pixels: where a crop cuts
        through its characters then no longer identifies it, and the characters must.
        """
        one, other = self.view(self.cut(images, times=2)).chunk(2)
        return one, other

    def cut(self, images: Tensor, times: int = 1) -> Tensor:
        """Random crops with a margin, `[times · crops · B, C, H, crop_width + 2 · margin]`.

        The first B crops are from the images in order, and so are the next B. The whole list
        repeats `times` times, each time up to `jitter` pixels away.
        """
        pixels = standardize(images)
        lefts = inked_positions(pixels, self.count, self.width)
        if self.settings.jitter and times > 1:
            lefts = jittered(lefts, self.settings.jitter, images.shape[3] - self.width, times)
            times = 1
        return cut_all(pixels, lefts - self.margin, self.width + 2 * self.margin, times)

    def pair(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Random crops as from `cut` for two views; the same where there is no `jitter`."""
        if not self.settings.jitter:
            crops = self.cut(images)
            return crops, crops
        one, other = self.cut(images, times=2).chunk(2)
        return one, other

    def view(self, crops: Tensor) -> Tensor:
        """A random view of crops from `cut`, without the margin."""
        return random_view(crops, self.view_settings, self.width)

    def plain(self, crops: Tensor) -> Tensor:
        """Crops from `cut` without a view, without the margin."""
        return crops[..., self.margin : -self.margin]

    def embed(self, encoder: Encoder, view: Tensor) -> Tensor:
        """The mean of the `core` middle frames of every crop, `[crops · B, D]`."""
        frames, places = self._joined_frames(encoder, view)
        return self.core(frames).mean(1)[places]

    def frames(self, encoder: Encoder, view: Tensor) -> Tensor:
        """All frames of every crop, `[crops · B, crop_width / 4, D]`."""
        frames, places = self._joined_frames(encoder, view)
        return frames[places]

    def core(self, frames: Tensor) -> Tensor:
        """The `core` middle ones of frames `[N, T, D]`."""
        core = min(self.settings.core, frames.shape[1])
        first = (frames.shape[1] - core) // 2
        return frames[:, first : first + core]

    def _joined_frames(self, encoder: Encoder, view: Tensor) -> tuple[Tensor, Tensor]:
        """The frames of all crops in the random order of joining, and the index of every crop."""
        count = len(view) - len(view) % self.joined
        order = torch.randperm(len(view), device=view.device)
        parts = ((order[:count], self.joined), (order[count:], 1))
        frames = [self._frames(encoder, view, *part) for part in parts if len(part[0])]
        return torch.cat(frames) if len(frames) > 1 else frames[0], order.argsort()

    def _frames(self, encoder: Encoder, view: Tensor, order: Tensor, joined: int) -> Tensor:
        frames: Tensor = encoder(join(view[order], joined))
        return frames.reshape(len(order), self.width // STRIDE, encoder.dim)

    def picture(self, view: Tensor) -> Tensor:
        """The crops of every image side by side."""
        return side_by_side(view.chunk(self.count))

    def check(self, width: int) -> None:
        """Raises UserError for a crop that is wider than the image or not a multiple of a frame."""
        crop = self.width
        if crop % STRIDE:
            raise UserError(f"crop_width = {crop}: use a multiple of {STRIDE}")
        if crop > width:
            raise UserError(
                f"images {width} pixels wide are too narrow for crops of {crop}; lower crop_width"
            )


MAPS: dict[str, Callable[[InstanceSettings, ViewSettings], Instances]] = {
    "crop": Crops,
    "window": lambda settings, views: Windows(views, settings.window),
    "frame": lambda settings, views: Frames(views, settings.frame_shift),
    "image": lambda settings, views: Images(views),
}


def build_crops(settings: InstanceSettings, views: ViewSettings) -> Crops:
    """The crops of a method that works only with crops. Raises UserError for another map."""
    if settings.instances != "crop":
        raise UserError(
            f"instances = {settings.instances!r}: this method works on crops; set instances=crop"
        )
    return Crops(settings, views)


def build_instances(settings: InstanceSettings, views: ViewSettings) -> Instances:
    """The instance map that `settings.instances` names."""
    return MAPS[settings.instances](settings, views)
