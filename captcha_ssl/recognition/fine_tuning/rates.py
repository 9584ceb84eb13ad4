"""The learning rates of a fine-tuning on few labels that its start already reads.

Where the start misreads hardly any character, steps of the usual size undo more of what it knows
than few labels teach (docs/results/starts.md).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from captcha_ssl.config import Given
from captcha_ssl.models.ranks import from_first
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.initial import initial_recognizer
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.training.device import resolve_device
from captcha_ssl.training.run_directory import CONFIG

LOW_LR, LOW_HEAD_LR = 5e-4, 2e-3
_HARDLY_ANY = 0.02
FEW = 500
"""The usual rates were as good with 1,000 labels."""


def settle_rates(
    config: FinetuneConfig, data: FinetuneData, *, resumed: Path | None = None
) -> tuple[FinetuneConfig, str]:
    """Lower the learning rates if the start misreads at most 2% of the characters of few labels.

    With self-training or more than 500 labels the usual rates stay, and so do those that the user
    names. The reason is empty if nothing changes. A `resumed` run keeps its rates.
    """
    named = config.loop.explicit("lr"), config.finetune.explicit("head_lr")
    if named != (None, None) or config.finetune.init_from is None or data.unlabeled is not None:
        return config, ""
    lowered = replace(
        config,
        loop=config.loop.replace(lr=LOW_LR),
        finetune=config.finetune.replace(head_lr=LOW_HEAD_LR),
    )
    if resumed is not None and (resumed / CONFIG).exists():
        begun = Given(file=resumed / CONFIG)
        low = (begun.peek("lr"), begun.peek("head_lr")) == (f"{LOW_LR}", f"{LOW_HEAD_LR}")
        return lowered if low else config, ""
    if len(data.train) > FEW:
        return config, ""
    start, _ = initial_recognizer(config, data)
    read = evaluate(start.to(resolve_device(config.loop.device)), data.train)
    # All ranks of torchrun take the rates of the first.
    misread = from_first(torch.tensor(read.cer)).item()
    if misread > _HARDLY_ANY:
        return config, ""
    reason = (
        f"the start misreads {misread:.1%} of the characters of the labels: it learns at the lower "
        f"rates --lr {LOW_LR:g} and --head-lr {LOW_HEAD_LR:g}"
    )
    return lowered, reason
