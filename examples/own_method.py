"""Use it to start a method of your own, outside of the package, with the package's command line.

Usage: python examples/own_method.py pretrain images/ --method mirror --out runs/mirror
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from captcha_ssl.cli.start import main
from captcha_ssl.methods.classification import classification_figures
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.registry import register
from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.crops import cut


class MirrorSettings(Settings):
    """Settings of this method: --set mirror_width=48, and so in config.toml."""

    mirror_width: int = setting(32, "width of a crop in pixels", low=8)


class Mirror(Method):
    """Encoder and a linear layer that looks at the mean frame of a crop."""

    settings_classes = (MirrorSettings,)

    def __init__(self, encoder: Encoder, settings: MirrorSettings) -> None:
        super().__init__(encoder)
        self.width = settings.mirror_width
        self.head = nn.Linear(encoder.dim, 2)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        shown, _, turn = self.question(images)
        return classification_figures(self.head(self.encoder(shown).mean(1)), turn)

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        shown, crops, _ = self.question(images)
        return {"input": shown, "as it was": crops}

    def question(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Crops of uint8 `[B, C, H, W]`, half of them mirrored; as they were; 1 where mirrored."""
        places = max(1, images.shape[3] - self.width + 1)
        left = torch.randint(places, (len(images),), device=images.device)
        crops = cut(standardize(images), left, self.width)
        turn = torch.randint(2, (len(images),), device=images.device)
        return torch.where(turn.bool().view(-1, 1, 1, 1), crops.flip(3), crops), crops, turn


# Outside of the guard: worker processes import this file too, and must know the method.
register("mirror", "own_method:Mirror")
if __name__ == "__main__":
    main()
