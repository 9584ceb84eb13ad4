"""A SimCLR step written as the tutorials write it.

Two views of every image by Pillow in the processes of a DataLoader, float32, tensors in the
contiguous format, NT-Xent over the whole matrix from pytorch-metric-learning, AdamW without
fusing. Encoder and projector are ours, so that the same network is trained.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from pytorch_metric_learning.losses import NTXentLoss, SelfSupervisedLoss
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.performance.peer_views import peer_view
from captcha_ssl.models.encoder import Encoder, build_encoder
from captcha_ssl.models.heads import projector


class TwoViews(Dataset[tuple[Tensor, Tensor]]):
    """Two views of each picture."""

    def __init__(self, images: np.ndarray) -> None:
        self.pictures = [Image.fromarray(image[0]) for image in images]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return peer_view(self.pictures[index]), peer_view(self.pictures[index])


class PeerStep:
    """Takes the steps for a given number of images."""

    def __init__(self, images: np.ndarray, encoder: str, batch: int, workers: int) -> None:
        torch.manual_seed(0)
        self.batch, height = batch, images.shape[2]
        network = build_encoder(encoder, 1, height)
        self.encoder = network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.projector = projector(network.dim, 256, 128, 2)
        parameters = [*self.encoder.parameters(), *self.projector.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-3)
        self.loss = SelfSupervisedLoss(NTXentLoss(temperature=0.1))
        self.loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
            TwoViews(images), batch, True, num_workers=workers, persistent_workers=workers > 0
        )
        self.batches = self._endless()

    def __call__(self, count: int) -> None:
        for _ in range(count // self.batch):
            one, two = (self.projector(_frames(self.encoder, v)) for v in next(self.batches))
            self.optimizer.zero_grad()
            self.loss(one, two).backward()
            self.optimizer.step()

    def _endless(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from self.loader


def _frames(encoder: Encoder, images: Tensor) -> Tensor:
    """The mean frame `[B, D]`, without the encoder's own choice of memory format."""
    folded: nn.Module = encoder.fold
    x = encoder.fold_norm(folded(encoder.stages(encoder.stem(images))))
    return torch.relu(x).squeeze(2).mean(2)
