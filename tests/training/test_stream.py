"""Batches of images that are decoded as they go, in an order shuffled within a buffer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from captcha_ssl.cli.main import run
from captcha_ssl.data.dataset import Dataset, Stream, load_pile
from captcha_ssl.data.streamed import StreamedImages
from captcha_ssl.data.writers import open_writer
from captcha_ssl.errors import UserError
from captcha_ssl.training import loop
from captcha_ssl.training import stream as streaming
from captcha_ssl.training.stream import BlockStream

COUNT, SHARD = 500, 90


def write(folder: Path, format: str, numbers: range) -> None:
    about: dict[str, Any] = {}
    with open_writer(
        folder, format, count=len(numbers), channels=1, height=16, width=16, about=about
    ) as writer:
        for place, number in enumerate(numbers):
            pixels = np.zeros((1, 16, 16), np.uint8)
            pixels[0, 0, :2] = divmod(number, 256)
            writer.add(place, pixels, None)


@pytest.fixture(scope="module")
def tars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tar shards of 90 images and one of 50."""
    folder = tmp_path_factory.mktemp("tars")
    sizes = {}
    for first in range(0, COUNT, SHARD):
        numbers = range(first, min(first + SHARD, COUNT))
        made = folder / "made"
        write(made, "webdataset", numbers)
        name = f"s{first:03d}.tar"
        (made / "shard-000000.tar").rename(folder / name)
        sizes[name] = len(numbers)
        for file in made.iterdir():
            file.unlink()
        made.rmdir()
    (folder / "sizes.json").write_text(json.dumps(sizes))
    return folder


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images in two packed parts."""
    folder = tmp_path_factory.mktemp("packed")
    write(folder / "a", "packed", range(300))
    write(folder / "b", "packed", range(300, COUNT))
    return folder


def streamed(path: Path) -> StreamedImages:
    images = load_pile(path, "on", height=16, width=16).images
    assert isinstance(images, StreamedImages)
    return images


def stream(images: StreamedImages, batch: int, buffer: int, seed: int = 0) -> BlockStream:
    return BlockStream(images, batch, seed, buffer, torch.device("cpu"))


def numbers_of(batch: torch.Tensor) -> list[int]:
    rows = batch[:, 0, 0, :2].long()
    return (rows[:, 0] * 256 + rows[:, 1]).tolist()


def drawn(source: BlockStream, steps: range) -> list[list[int]]:
    found = [numbers_of(source.fetch(source.order(step)[source.own])) for step in steps]
    source.close()
    return found


@pytest.mark.parametrize("kind", ["tars", "packed"])
@pytest.mark.parametrize(("batch", "buffer"), [(20, 80), (32, 130), (64, 10_000), (7, 2)])
def test_every_pass_shows_every_image_once_and_no_more_than_a_buffer_is_in_memory(
    kind: str, batch: int, buffer: int, request: pytest.FixtureRequest, monkeypatch: Any
) -> None:
    images = streamed(request.getfixturevalue(kind))
    source = stream(images, batch, buffer)
    most = 0
    inner = source._block

    def watched(number: int) -> Any:
        nonlocal most
        block = inner(number)
        most = max(most, sum(len(held.result().images) for held in source._blocks.values()))
        return block

    monkeypatch.setattr(source, "_block", watched)
    steps = range(-(-3 * COUNT // batch))
    shown = [number for numbers in drawn(source, steps) for number in numbers]
    passes = [shown[at : at + COUNT] for at in range(0, 3 * COUNT, COUNT)]
    assert all(sorted(numbers) == list(range(COUNT)) for numbers in passes)
    assert passes[0] != passes[1] != passes[2]
    assert most <= max(buffer, 4 * batch)
    assert drawn(stream(images, batch, buffer, seed=1), range(3)) != drawn(
        stream(images, batch, buffer), range(3)
    )


@pytest.mark.parametrize("kind", ["tars", "packed"])
def test_streamed_images_read_like_an_array(kind: str, request: pytest.FixtureRequest) -> None:
    images = streamed(request.getfixturevalue(kind))
    whole = load_pile(request.getfixturevalue(kind), "off", height=16, width=16).images
    for chosen in (3, slice(85, 95), slice(None, None, 100), np.array([[499, 0], [90, -1]])):
        assert np.array_equal(images[chosen], whole[chosen])
    assert (images.shape, images.nbytes, len(images)) == (whole.shape, whole.nbytes, len(whole))
    with pytest.raises(IndexError):
        images[COUNT]


def test_images_of_a_batch_come_from_several_shards(tars: Path) -> None:
    batches = drawn(stream(streamed(tars), 20, 400), range(10))
    assert all(len({number // SHARD for number in batch}) > 1 for batch in batches)


@pytest.mark.parametrize("begun_at", [1, 13, 40])
def test_a_stream_that_begins_later_goes_on_as_an_unbroken_one(tars: Path, begun_at: int) -> None:
    images = streamed(tars)
    whole = drawn(stream(images, 32, 130), range(50))
    assert drawn(stream(images, 32, 130), range(begun_at, 50)) == whole[begun_at:]


def test_two_ranks_read_different_images_and_train_on_the_batches_of_one(
    tars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = drawn(stream(streamed(tars), 20, 100), range(25))
    parts, read = [], []
    decoded = StreamedImages.decoded
    for rank in (0, 1):
        indices: list[int] = []
        monkeypatch.setattr(
            StreamedImages,
            "decoded",
            lambda self, chosen, *more, kept=indices: (
                kept.extend(chosen.tolist()),
                decoded(self, chosen, *more),
            )[1],
        )
        monkeypatch.setattr(
            streaming, "own_share", lambda size, r=rank: slice(r * size // 2, (r + 1) * size // 2)
        )
        parts.append(drawn(stream(streamed(tars), 20, 100), range(25)))
        read.append(indices[:250])
    assert [one + other for one, other in zip(*parts, strict=True)] == alone
    # A pass is 25 batches of 20.
    assert sorted(read[0] + read[1]) == list(range(COUNT))


def pretrain(data: Path, out: Path, *more: str) -> int:
    few = ("--batch-size", "16", "--steps", "24", "--device", "cpu", "--set", "height=16")
    ask = ("--set", "stream=on", "--shuffle-buffer", "80", "--set", "checkpoint_every=8")
    log = ("--set", "log_every=4", "--set", "instances=frame", "--set", "prepare=none")
    return run(["pretrain", str(data), "--out", str(out), *few, *ask, *log, "-q", *more])


def test_a_killed_run_is_resumed_with_the_bytes_of_an_unbroken_one(
    tars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pretrain(tars, tmp_path / "whole") == 0
    seeds = loop.step_seed

    def dying(seed: int, step: int, rank: int = 0) -> int:
        if step == 19:
            raise SystemExit(9)
        return seeds(seed, step, rank)

    monkeypatch.setattr(loop, "step_seed", dying)
    with pytest.raises(SystemExit):
        pretrain(tars, tmp_path / "broken")
    monkeypatch.undo()
    assert pretrain(tars, tmp_path / "broken", "--resume") == 0
    assert "training from step 16 to 24" in (tmp_path / "broken/log.txt").read_text()
    for name in ("model.safetensors", "metrics.jsonl", "state/state.safetensors"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_pile_is_streamed_by_itself_where_it_does_not_fit(
    tars: Path, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def is_streamed(data: Path, how: Stream) -> bool:
        loaded = load_pile(data, how, height=16, width=16)
        told = [note for note in loaded.notes if "streamed and shuffled within a buffer" in note]
        assert bool(told) == isinstance(loaded.images, StreamedImages)
        return bool(told)

    assert not is_streamed(tars, "auto") and not is_streamed(packed, "auto")
    monkeypatch.setattr("captcha_ssl.data.dataset.exceeds_memory", lambda images, times: True)
    assert is_streamed(tars, "auto") and is_streamed(packed, "auto")
    assert not is_streamed(tars, "off") and not is_streamed(packed, "off")
    preview = ("--preview", str(tmp_path / "sheet.png"), "--set", "height=16", "--device", "cpu")
    assert run(["pretrain", str(tars), *preview, "--set", "instances=frame"]) == 0
    assert capsys.readouterr().err.count("streamed and shuffled within a buffer") == 1


def test_unreadable_images_are_replaced_by_their_neighbors_and_too_many_are_an_error(
    tmp_path: Path,
) -> None:
    write(tmp_path / "pile", "folder", range(60))
    files = sorted((tmp_path / "pile").rglob("*.png"))
    files[30].write_bytes(b"no picture")
    images = load_pile(tmp_path / "pile", "on", height=16, width=16, max_bad=0.1).images
    assert isinstance(images, StreamedImages)
    shown = [n for batch in drawn(stream(images, 10, 60), range(6)) for n in batch]
    assert len(set(shown)) == 59 and 30 not in shown
    assert [entry.row for entry in images.failed] == [str(files[30].relative_to(tmp_path / "pile"))]
    for file in files[:20]:
        file.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"of the first \d+ images cannot be read \(limit 10.0%\)"):
        drawn(stream(images, 10, 60), range(6))


def test_samples_are_taken_without_reading_shards_to_their_ends(
    tars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captcha_ssl.data.streamed.FEW", COUNT - 1)
    data: Dataset = load_pile(tars, "on", height=16, width=16)
    asked: list[int] = []
    from captcha_ssl.data.mapped import pick
    from captcha_ssl.data.sources.tar_shard import TarShard

    read = TarShard.read
    monkeypatch.setattr(
        TarShard, "read", lambda self, index: (asked.append(index), read(self, index))[1]
    )
    assert len(pick(data.images, np.linspace(0, COUNT - 1, 12).astype(np.int64))) == 12
    assert max(asked) == 1
    # As data of any other kind, it is recognized again, and tells images in memory apart.
    assert data.fingerprint() == load_pile(tars, "on", height=16, width=16).fingerprint()
    assert data.fingerprint() != load_pile(tars, "off", height=16, width=16).fingerprint()


@pytest.mark.slow
def test_ranks_pretrain_on_a_stream(tars: Path, tmp_path: Path) -> None:
    from tests.training.test_distributed import ROOT, TORCHRUN, environment

    few = ("--batch-size", "16", "--steps", "20", "--device", "cpu", "--set", "log_every=10")
    ask = ("--set", "stream=on", "--shuffle-buffer", "100", "--set", "prepare=none", "-q")
    command = [*TORCHRUN, "-m", "captcha_ssl", "pretrain", str(tars), *few, *ask]
    out = tmp_path / "run"
    done = subprocess.run(
        [*command, "--out", str(out)], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (out / "metrics.jsonl").open()]
    assert [row["step"] for row in rows] == [10, 20]
