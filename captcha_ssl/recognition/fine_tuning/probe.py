"""Probes a frozen encoder with a CTC head on its frames."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.recognition.evaluation import metrics
from captcha_ssl.recognition.fine_tuning.ctc import ctc_loss, pad_labels
from captcha_ssl.recognition.reading.decoding import greedy_decode

_MOST = 1000
_STEPS, _LR = 300, 0.02


def frozen_probe(data: Dataset, charset: Charset) -> Callable[[Encoder], dict[str, float]]:
    """A function from an encoder to `probe_exact_match` and `probe_cer`, 0…1.

    A linear head is trained on the frames of the even ones of up to 1,000 labeled images, and
    read on the odd ones; no pixel is augmented. Raises UserError for fewer than 2 images.
    """
    if len(data) < 2:
        raise UserError("a probe needs at least 2 labeled images: half of them are read")
    data = data.take(range(min(len(data), _MOST)))
    labels = data.labels or []
    classes, lengths = pad_labels(labels, charset)
    images = torch.from_numpy(data.images)

    def probe(encoder: Encoder) -> dict[str, float]:
        device = next(encoder.parameters()).device
        with torch.no_grad():
            frames = encoder(standardize(images.to(device))).float()
        frames = (frames - frames.mean((0, 1))) / frames.std((0, 1)).clamp_min(1e-6)
        with torch.enable_grad():
            head = _fit(frames[::2], classes[::2].to(device), lengths[::2], charset)
        logits = head(frames[1::2]).detach().cpu().numpy()
        read = [charset.decode(decoded.classes) for decoded in greedy_decode(logits)]
        truth = labels[1::2]
        return {
            "probe_exact_match": metrics.exact_match(truth, read),
            "probe_cer": metrics.cer(truth, read),
        }

    return probe


def _fit(frames: Tensor, classes: Tensor, lengths: Tensor, charset: Charset) -> nn.Linear:
    head = nn.Linear(frames.shape[2], charset.num_classes).to(frames.device)
    optimizer = torch.optim.AdamW(head.parameters(), lr=_LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        ctc_loss(head(frames), classes, lengths).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return head
