"""The decoder: from frames back to pixels, or to other maps of the same shape."""

from __future__ import annotations

from torch import Tensor, nn


class Decoder(nn.Module):
    """Frames `[B, T, inputs]` → float32 `[B, channels, rows, columns · T]`, left to right.

    Two convolutions over the row of frames; the second writes the strip of `columns` columns behind
    each frame at once. It is small on purpose (SimMIM, Xie et al. 2022), so that the frames must
    contain the information.
    """

    def __init__(
        self, inputs: int, channels: int, rows: int, columns: int, hidden: int = 256
    ) -> None:
        super().__init__()
        self.strip = (channels, rows, columns)
        self.layers = nn.Sequential(
            nn.Conv1d(inputs, hidden, 3, padding=1, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Conv1d(hidden, channels * rows * columns, 1),
        )

    def forward(self, frames: Tensor) -> Tensor:
        strips: Tensor = self.layers(frames.transpose(1, 2)).float()
        laid = strips.view(len(frames), *self.strip, -1).transpose(3, 4)
        return laid.flatten(3)
