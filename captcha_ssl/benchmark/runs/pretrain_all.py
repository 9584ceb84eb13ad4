"""All pretrainings of a benchmark, in parallel if there are enough cores."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from captcha_ssl.benchmark.plan.arms import pretrained_methods
from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.plan.plan import pretrainings
from captcha_ssl.benchmark.runs.encoders.registry import encoder_source
from captcha_ssl.benchmark.runs.material import Material
from captcha_ssl.benchmark.runs.parallel import process_count, training_workers
from captcha_ssl.benchmark.runs.pretraining import EncoderRun, pretrain_one
from captcha_ssl.notice import Say


def pretrain_all(
    out: Path, configuration: BenchmarkConfig, material: Material, say: Say
) -> dict[tuple[str, int], EncoderRun]:
    """Run the pretrainings that the arms need, by method and seed; unfinished runs continue.

    The runs are in `out`/METHOD, or METHOD-SEED if there are several. A run whose loss is not
    finite has no file. Raises KeyboardInterrupt with the state saved.
    """
    for name in pretrained_methods(configuration.arms):
        encoder_source(name, configuration).prepare(material, out)
    asked = pretrainings(configuration.arms, configuration.benchmark)
    crew = training_workers(pretraining_processes(configuration))
    pretrained = crew.each(partial(_pretrain, out, configuration, material), asked, say=say)
    return dict(zip(asked, pretrained, strict=True))


def pretraining_processes(configuration: BenchmarkConfig) -> int:
    """How many pretrainings run at once, and so the share of the machine that each one has.

    It must not depend on how many are done: the number of threads would change, and with it the
    last bits of the result.
    """
    settings = configuration.benchmark
    asked = pretrainings(configuration.arms, settings)
    return min(process_count(settings.processes, settings.device), len(asked))


def _pretrain(
    out: Path, configuration: BenchmarkConfig, material: Material, asked: tuple[str, int], say: Say
) -> EncoderRun:
    return pretrain_one(out, configuration, material, say, *asked)
