"""Adapts a recognizer to images without labels.

It reads the images; the texts that it is sure of become labels (pseudo-labels, Lee 2013). From
them, and from all images by self-training, it learns as from labels that were typed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.sources import Paths
from captcha_ssl.data.sweep import Progress
from captcha_ssl.printable import printable
from captcha_ssl.recognition.adaptation.clearest_pixels import clearest_geometry
from captcha_ssl.recognition.adaptation.config import AdaptConfig
from captcha_ssl.recognition.adaptation.sure_texts import SureTexts, sure_texts
from captcha_ssl.recognition.fine_tuning.finetune import FinetuneResult, Finetuning
from captcha_ssl.recognition.fine_tuning.initial import recognizer_at
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData, most_unlabeled
from captcha_ssl.spreadsheet import spreadsheet
from captcha_ssl.training.device import resolve_device
from captcha_ssl.training.images import LoadImages, load_images
from captcha_ssl.training.init_from import adopt
from captcha_ssl.training.meter import Observer
from captcha_ssl.training.run_directory import RunDirectory, open_run

SURE_TEXTS = "sure_texts.csv"
"""The texts that a run has learned from, for a person to look at."""


class Adapting:
    """A recognizer to be adapted to the images of `pile`, which it reads at once.

    Raises UserError for a source that holds no recognizer or another encoder, and for too few sure
    texts.
    """

    def __init__(
        self, config: AdaptConfig, pile: Dataset, progress: Progress | None = None
    ) -> None:
        """`progress(done, total)` is called while texts are read."""
        asked = config.adapt
        reader = recognizer_at(asked.init_from, pile.geometry)
        reader.to(resolve_device(config.loop.device))
        self.config = config
        self.texts: SureTexts = sure_texts(
            reader,
            pile,
            most=asked.read,
            least=asked.sure,
            length=config.self_training.known_length,
            progress=progress,
        )
        unlabeled = replace(pile, labels=None)
        self.data = FinetuneData(self.texts.images, self.texts.charset, unlabeled=unlabeled)
        self.job = Finetuning(config.finetuning, self.data)

    def train(self, run: RunDirectory, observe: Observer | None = None) -> FinetuneResult:
        """Train, and write the recognizer to `run`, with the texts that it learns from.

        Raises as `Finetuning.train` does.
        """
        table, learned = run.path / SURE_TEXTS, self.texts.images
        # A resumed run has learned from these texts, or it is refused.
        if not table.exists():
            run.log(f"{self.texts}")
            rows = zip(map(printable, learned.names), learned.labels or (), strict=True)
            atomic_write_text(table, spreadsheet(("image", "text"), rows))
        return self.job.train(run, observe)


def read_pile(
    config: AdaptConfig, pile: Paths, load: LoadImages = load_images
) -> tuple[AdaptConfig, Dataset]:
    """The images at the geometry of the recognizer, and the settings with its encoder.

    The shipped model takes the pixels that it reads most surely. Of a large pile only a sample is
    loaded. Raises UserError for images that cannot be used.
    """
    model, geometry = adopt(config.model, config.adapt.init_from)
    if geometry is None:
        geometry = clearest_geometry(pile, model)
    config = replace(config, model=model)
    most = max(config.adapt.read, most_unlabeled(config.finetuning))
    return config, load(pile, model, labeled=False, geometry=geometry, most=most)


def run_adapting(
    adapting: Adapting, out: Path, *, resume: bool = False, observe: Observer | None = None
) -> FinetuneResult:
    """Train in the run directory `out`, and export the recognizer to ONNX.

    Raises UserError as `open_run` and `Finetuning.train` do.
    """
    with open_run(out, adapting.config.to_toml(), resume=resume) as run:
        run.note_rejected(adapting.data.rejected)
        result = adapting.train(run, observe)
        adapting.job.publish(run, result)
    return result
