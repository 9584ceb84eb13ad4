"""Pretraining: learns an encoder from unlabeled images."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.mapped import pick
from captcha_ssl.data.streamed import StreamedImages
from captcha_ssl.errors import UserError
from captcha_ssl.methods.instances import fit_instances
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.registry import method_class
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.batch_statistics import set_batch_statistics
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_card import ModelCard
from captcha_ssl.models.model_file import FILE_NAME, save_model
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.models.ranks import world_size
from captcha_ssl.models.shipped import BEGAN_FROM, SHIPPED, is_shipped
from captcha_ssl.models.transfer import load_encoder
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.monitor import MONITORED, Monitor, Probe, findings
from captcha_ssl.pretraining.settings import PretrainSettings
from captcha_ssl.settings import Settings
from captcha_ssl.training.batches import spread_indices
from captcha_ssl.training.captured_step import compiled_if_long
from captcha_ssl.training.device import resolve_device
from captcha_ssl.training.distributed import check_shareable, rank_group, spread_norms
from captcha_ssl.training.loop import train
from captcha_ssl.training.meter import Observer
from captcha_ssl.training.run_directory import RunDirectory, open_run
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.training.store import image_fetcher
from captcha_ssl.training.stream import BlockStream
from captcha_ssl.views.ink import fit_views, measured_inks
from captcha_ssl.views.settings import ViewSettings

_LEAST_BATCH = 2
CHECKED = 256
"""The sample of images that a method checks before it starts."""
_ADAPTED = 2048
"""The sample of images for the final batch statistics of the encoder."""


@dataclass(frozen=True)
class PretrainResult:
    """The model file, the last figures, and the warnings from them."""

    file: Path
    figures: dict[str, float]
    findings: list[str]


class Pretraining:
    """A job that learns an encoder from unlabeled images.

    Raises UserError for everything that can be refused before a run starts: too few images for a
    batch, images that the method cannot learn from, a method or a batch size that does not fit the
    ranks, an unsuitable `init_from`.
    """

    def __init__(self, config: PretrainConfig, data: Dataset, probe: Probe | None = None) -> None:
        """`probe` adds figures to those of the monitor."""
        self.config, self.data = config, data
        _check_batch(len(data), config.loop.batch_size)
        self.device = resolve_device(config.loop.device)
        self.method = build_method(config, data.images, data.geometry).to(self.device)
        if world_size() > 1 and not self.method.supports_ddp:
            raise UserError(
                f"{config.pretrain.method} trains on one device; start it without torchrun"
            )
        spread_norms(self.method, self.device)
        self.stream = open_stream(config, data.images, self.device)
        self.fetch = self.stream.fetch if self.stream else image_fetcher(data.images, self.device)
        self.steps = total_steps(config.pretrain, config.loop, len(data))
        self.monitor = Monitor(data.images, self.device, probe)

    def train(self, run: RunDirectory, observe: Observer | None = None) -> PretrainResult:
        """Train, and write the encoder to the run directory.

        Under torchrun all ranks train one encoder, and the first rank writes it. Raises UserError
        for a run that started with other data, DivergedError for a loss that is not finite.
        """
        loop = compiled_if_long(self.config.loop, self.steps, self.device)
        model, encoder = self.config.model, self.method.encoder
        every = self.config.pretrain.monitor_every

        def inspect(step: int) -> dict[str, float]:
            passed = step // every > (step - loop.log_every) // every
            return self.monitor(encoder) if passed or step == self.steps else {}

        with closing(self.stream) if self.stream else nullcontext():
            history = train(
                self.method,
                parameter_groups(self.method, loop.lr, loop.weight_decay),
                self.fetch,
                self.stream.order if self.stream else len(self.data),
                self.steps,
                loop,
                run=run,
                data=self.data.fingerprint(),
                observe=observe,
                inspect=inspect,
            )
        if isinstance(self.data.images, StreamedImages):
            run.note_rejected([*self.data.rejected, *self.data.images.failed])
        sample = pick(self.data.images, spread_indices(len(self.data), _ADAPTED).numpy())
        batches = torch.split(torch.from_numpy(sample), loop.batch_size)
        set_batch_statistics(encoder, (batch.to(self.device) for batch in batches))
        about = {
            "method": self.config.pretrain.method,
            "images": len(self.data),
            "seed": loop.seed,
        }
        source = self.config.pretrain.init_from
        if source is not None and is_shipped(source):
            about[BEGAN_FROM] = SHIPPED
        card = ModelCard("encoder", model.encoder, self.data.geometry, None, about)
        file = run.path / FILE_NAME
        if run.writes:
            save_model(file, encoder.state_dict(), card)
        words = _told(run, history[-1], encoder.dim, contrasted(self.config.method))
        return PretrainResult(file, history[-1], words)


def run_pretraining(
    config: PretrainConfig,
    data: Dataset,
    out: Path,
    *,
    resume: bool = False,
    probe: Probe | None = None,
    observe: Observer | None = None,
) -> PretrainResult:
    """Learn an encoder in the run directory `out`, with all ranks of torchrun.

    Raises UserError like `Pretraining`, its `train` and `open_run`.
    """
    with rank_group():
        job = Pretraining(config, data, probe)
        with open_run(out, config.to_toml(), resume=resume) as run:
            run.note_rejected(data.rejected)
            return job.train(run, observe)


def open_stream(
    config: PretrainConfig, images: ImageArray, device: torch.device
) -> BlockStream | None:
    """The batches of images that are decoded as they go; None for images in memory."""
    if not isinstance(images, StreamedImages):
        return None
    loop = config.loop
    return BlockStream(images, loop.batch_size, loop.seed, config.pretrain.shuffle_buffer, device)


def build_method(config: PretrainConfig, images: ImageArray, geometry: Geometry) -> Method:
    """The method at the start of training, on the CPU, after checking a sample of the images.

    Raises UserError if it cannot learn from them, or for an unsuitable `init_from`.
    """
    torch.manual_seed(config.loop.seed)
    encoder = build_encoder(config.model.encoder, geometry.channels, geometry.height)
    if config.pretrain.init_from:
        load_encoder(encoder, config.pretrain.init_from)
    settings = fit_to_images(config.method, images, geometry)
    method = method_class(config.pretrain.method)(encoder, *settings)
    method.check(torch.from_numpy(pick(images, spread_indices(len(images), CHECKED).numpy())))
    return method


def fit_to_images(
    method_settings: tuple[Settings, ...], images: ImageArray, geometry: Geometry
) -> tuple[Settings, ...]:
    """The settings of a method; open values of views and crops are measured in the images."""
    if not any(isinstance(part, ViewSettings | InstanceSettings) for part in method_settings):
        return method_settings
    inks = measured_inks(images)

    def fit(part: Settings) -> Settings:
        if isinstance(part, ViewSettings):
            return fit_views(part, inks, geometry)
        if isinstance(part, InstanceSettings):
            return fit_instances(part, [ink for ink, _ in inks], images.shape[3])
        return part

    return tuple(map(fit, method_settings))


def _check_batch(count: int, batch_size: int) -> None:
    """Raise UserError for a batch larger than the dataset, or not divisible by the ranks."""
    if batch_size < _LEAST_BATCH:
        raise UserError(
            f"batch_size = {batch_size}: images of a batch are compared; use {_LEAST_BATCH} or more"
        )
    if count < batch_size:
        raise UserError(f"{count} images do not fill a batch of {batch_size}; lower batch_size")
    check_shareable(batch_size)


def contrasted(method_settings: tuple[Settings, ...]) -> str | None:
    """The instance map of a method with these settings; None if it has none."""
    chosen = (part.instances for part in method_settings if isinstance(part, InstanceSettings))
    return next(chosen, None)


def _told(
    run: RunDirectory, figures: dict[str, float], width: int, instances: str | None
) -> list[str]:
    """Warnings from the last figures, also logged. Raises UserError for damaged figures."""
    if MONITORED - figures.keys():
        raise UserError(f"{run.path}: its metrics are damaged; start a new --out")
    words = findings(figures, width, instances)
    for finding in words:
        run.log(finding)
    return words


def total_steps(settings: PretrainSettings, loop: LoopSettings, count: int) -> int:
    """The number of steps: `settings.steps`, or else `settings.epochs` over `count` images."""
    return settings.steps or max(1, round(settings.epochs * count / loop.batch_size))
