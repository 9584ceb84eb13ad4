"""Use it to average the weights of several recognizers, which can read better than each of them.

Usage: python examples/average_models.py OUT.safetensors MODEL=WEIGHT MODEL=WEIGHT …

A MODEL is a finetune run, a model file or `shipped`; the first gives geometry and charset. It
works for models of which one started where another ended (Wortsman et al. 2022, "Robust fine-tuning
of zero-shot models"): what the start could read and what was learned since are both kept.
Fine-tune the average a little, so that the batch statistics and the calibration are its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from captcha_ssl.recognition.reading.recognizer import Recognizer


def main(out: str, *parts: str) -> None:
    """Write the average to `out`."""
    if not parts:
        raise SystemExit(__doc__)
    named = [part.rpartition("=") for part in parts]
    models = [Recognizer.load(Path(name)) for name, _, _ in named]
    weights = [float(weight) for _, _, weight in named]
    states = [model.state_dict() for model in models]
    if len({tuple(model.charset.characters) for model in models}) > 1:
        raise SystemExit("these models read different characters")
    average = {
        name: sum(w / sum(weights) * state[name] for w, state in zip(weights, states, strict=True))
        if first.dtype.is_floating_point
        else first
        for name, first in states[0].items()
    }
    models[0].load_state_dict({name: torch.as_tensor(value) for name, value in average.items()})
    models[0].save(Path(out), {"averaged": list(parts)})


if __name__ == "__main__":
    main(*sys.argv[1:])
