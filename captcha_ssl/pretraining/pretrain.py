"""Pretraining: an encoder learned from images alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from captcha_ssl.data.fingerprint import Fingerprint, fingerprint
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.methods.instances import fit_instances
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.registry import method_class
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.batch_statistics import adapt
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_card import ModelCard
from captcha_ssl.models.model_file import FILE_NAME, save_model
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.models.ranks import world_size
from captcha_ssl.models.transfer import load_encoder
from captcha_ssl.pretraining.monitor import MONITORED, Monitor, Probe, findings
from captcha_ssl.pretraining.settings import PretrainSettings
from captcha_ssl.training.batches import spread
from captcha_ssl.training.device import resolve_device
from captcha_ssl.training.distributed import own_share, spread_norms
from captcha_ssl.training.loop import Observer, train
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings, ModelSettings
from captcha_ssl.training.store import image_fetcher
from captcha_ssl.views.ink import fit_views, measured_inks
from captcha_ssl.views.settings import ViewSettings

CHECKED = 256
"""Images, spread over the pile, that a method looks at before it begins."""
_ADAPTED = 2048
"""Images, spread over the pile, that give the encoder its batch statistics in the end."""


@dataclass(frozen=True)
class Pretrained:
    """The model file, the last figures, and what they warn of, in words."""

    file: Path
    figures: dict[str, float]
    findings: list[str]


def pretrain(
    images: np.ndarray,
    geometry: Geometry,
    settings: PretrainSettings,
    loop: LoopSettings,
    model: ModelSettings,
    method_settings: tuple[Any, ...],
    *,
    begin: Callable[[], RunDirectory],
    known: Fingerprint | None = None,
    observe: Observer | None = None,
    probe: Probe | None = None,
) -> Pretrained:
    """Learn an encoder from uint8 `[N, C, H, W]` and write it to the run directory.

    `method_settings` are the instances of the method's `settings_classes`; `begin` opens the run
    directory and is called once nothing is left to refuse; `known` is the fingerprint of the data
    (default: that of the pixels alone); `probe` adds figures to those of the
    monitor. Under torchrun all ranks come here and learn one encoder, which the first writes.
    Raises UserError when there are fewer images than fill a batch, for images that the method
    cannot learn from, a method or a batch that cannot be shared out among the ranks, an unfit
    `settings.init_from`, or a loss that is not finite.
    """
    _check_batch(len(images), loop.batch_size)
    device = resolve_device(loop.device)
    method = build_method(images, geometry, settings, loop, model, method_settings).to(device)
    if world_size() > 1 and not method.several_devices:
        raise UserError(f"{settings.method} trains on one device; start it without torchrun")
    spread_norms(method, device)
    encoder, fetch = method.encoder, image_fetcher(images, device)
    steps = total_steps(settings, loop, len(images))
    monitor = Monitor(images, device, probe)

    def inspect(step: int) -> dict[str, float]:
        passed = step // settings.monitor_every > (step - loop.log_every) // settings.monitor_every
        return monitor(encoder) if passed or step == steps else {}

    run = begin()
    history = train(
        *(method, parameter_groups(method, loop.lr, loop.weight_decay), fetch),
        *(len(images), steps, loop),
        run=run,
        data=known or fingerprint(images, geometry),
        observe=observe,
        inspect=inspect,
    )
    adapt(encoder, map(fetch, torch.split(spread(len(images), _ADAPTED), loop.batch_size)))
    about = {"method": settings.method, "images": len(images), "seed": loop.seed}
    card = ModelCard("encoder", model.encoder, geometry, None, about)
    if run.writes:
        save_model(run.path / FILE_NAME, encoder.state_dict(), card)
    return Pretrained(run.path / FILE_NAME, history[-1], _told(run, history[-1], encoder.dim))


def build_method(
    images: np.ndarray,
    geometry: Geometry,
    settings: PretrainSettings,
    loop: LoopSettings,
    model: ModelSettings,
    method_settings: tuple[Any, ...],
) -> Method:
    """The method as training begins with it, on the CPU, having checked a sample of the images.

    Raises UserError when it cannot learn from them, or for an unfit `settings.init_from`.
    """
    torch.manual_seed(loop.seed)
    encoder = build_encoder(model.encoder, geometry.channels, geometry.height)
    if settings.init_from:
        load_encoder(encoder, settings.init_from)
    method_settings = fit_to_images(method_settings, images, geometry)
    method = method_class(settings.method)(encoder, *method_settings)
    method.check(torch.from_numpy(images[spread(len(images), CHECKED).numpy()]))
    return method


def fit_to_images(
    method_settings: tuple[Any, ...], images: np.ndarray, geometry: Geometry
) -> tuple[Any, ...]:
    """The settings of a method, with what views and crops leave to the images measured in them."""
    if not any(isinstance(part, ViewSettings | InstanceSettings) for part in method_settings):
        return method_settings
    inks = measured_inks(images)

    def fit(part: Any) -> Any:
        if isinstance(part, ViewSettings):
            return fit_views(part, inks, geometry)
        if isinstance(part, InstanceSettings):
            return fit_instances(part, [ink for ink, _ in inks], images.shape[3])
        return part

    return tuple(map(fit, method_settings))


def _check_batch(count: int, batch_size: int) -> None:
    """Raise UserError for a batch that the images do not fill, or that ranks cannot share out."""
    if count < batch_size:
        raise UserError(f"{count} images do not fill a batch of {batch_size}; lower batch_size")
    own_share(batch_size)


def _told(run: RunDirectory, figures: dict[str, float], width: int) -> list[str]:
    """What the last figures warn of, which is logged too. Raises UserError for damaged ones."""
    if MONITORED - figures.keys():
        raise UserError(f"{run.path}: its metrics are damaged; start a new --out")
    words = findings(figures, width)
    for finding in words:
        run.log(finding)
    return words


def total_steps(settings: PretrainSettings, loop: LoopSettings, count: int) -> int:
    """The steps that `settings.steps`, or else `settings.epochs` over `count` images, come to."""
    return settings.steps or max(1, round(settings.epochs * count / loop.batch_size))
