"""What a training step dispatches, as far as a CPU can tell it for a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmarks.gpu.method_step import build, noise
from benchmarks.gpu.sizes import HEIGHT, WIDTH
from benchmarks.operations import HostWait, Operations, as_on_a_gpu, step_operations
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.methods.registry import METHODS
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.recognition.fine_tuning.ctc import CTCTask, pad_labels
from captcha_ssl.recognition.fine_tuning.self_training import SelfTrainingTask
from captcha_ssl.recognition.fine_tuning.settings import SelfTrainingSettings
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.views.settings import gentle_views

CEILINGS = {
    "simclr": 420,
    "moco": 740,
    "simsiam": 480,
    "byol": 600,
    "swav": 495,
    "barlow-twins": 450,
    "vicreg": 485,
    "rclstr": 850,
    "dig": 670,
    "rotation": 175,
    "jigsaw": 195,
    "patch-location": 245,
    "colorization": 190,
    "autoencoder": 165,
    "gan": 300,
}
"""Operations of a step. Each that is more makes the GPU wait longer for Python."""


@pytest.mark.parametrize("name", METHODS)
def test_a_step_keeps_below_its_ceiling_and_never_waits_for_the_device(name: str) -> None:
    counts = step_operations(name, 12, refuse=True)
    found = sum(sum(part.values()) for part in counts.values())
    assert found <= CEILINGS.get(name, 0), f"{found} operations; see CEILINGS"


def test_two_views_take_at_most_150_operations_however_many_images() -> None:
    method: Any = build("simclr")
    totals = []
    for count in (8, 8, 64):
        images = noise("simclr", count)
        with as_on_a_gpu(), Operations() as counted:
            method.instances.views(images)
        totals.append(counted.total)
    # The first pass fills caches.
    assert totals[1] == totals[2] <= 150


def test_one_pass_saves_a_quarter_of_the_operations() -> None:
    counts = step_operations("simclr", 12, refuse=True, one_pass=True)
    assert sum(sum(part.values()) for part in counts.values()) <= 0.75 * CEILINGS["simclr"]


def test_self_training_never_waits_for_the_device() -> None:
    torch.manual_seed(0)
    charset, geometry = Charset("0123456789"), Geometry(1, HEIGHT, WIDTH)
    recognizer = Recognizer(build_encoder("tiny", 1, HEIGHT), charset, geometry)
    supervised = CTCTask(recognizer, gentle_views(), alignment=1.0)
    labels = ["1234", "1112", "9033", "7777"]
    task = SelfTrainingTask(supervised, SelfTrainingSettings(confidence=0.0, ramp=0.0), labels)
    images = torch.randint(0, 256, (8, 1, HEIGHT, WIDTH), dtype=torch.uint8)
    batch = (images[:4], *pad_labels(labels, charset)), images
    # The first step sends its constants to the device.
    task(batch, 0.0)
    with Operations(refuse=True) as counted:
        task(batch, 0.1)["loss"].backward()
        task.after_step(0.1)
    assert counted.total > 0


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.sum().item(),
        lambda x: float(x.mean()),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x.masked_select(x > 0),
        lambda x: bool((x > 0).all()),
        lambda x: x * x.new_tensor((1.0, 2.0, 3.0, 4.0, 5.0)),
        lambda x: x[[0, 1]],
    ],
)
def test_an_operation_that_waits_is_refused(waits: object) -> None:
    assert callable(waits)
    with Operations(refuse=True), pytest.raises(HostWait):
        waits(torch.randn(5))
