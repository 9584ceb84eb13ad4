from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_card import Calibration, ModelCard, parse_card
from captcha_ssl.models.model_file import FILE_NAME, load_model, save_model, store_calibration
from captcha_ssl.models.transfer import load_encoder

CARD = ModelCard("encoder", "tiny", Geometry(1, 32, 96), None, {"method": "simclr"})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / FILE_NAME
    save_model(path, build_encoder("tiny", 1, 32).state_dict(), CARD)
    return path


def test_card_and_weights_are_read_back(saved: Path) -> None:
    card, tensors = load_model(saved)
    assert card == CARD
    encoder = build_encoder("tiny", 1, 32)
    load_encoder(encoder, saved.parent)
    assert all(torch.equal(encoder.state_dict()[k], v) for k, v in tensors.items())


def test_a_calibration_is_stored_beside_the_same_weights(saved: Path) -> None:
    _, before = load_model(saved)
    store_calibration(saved.parent, Calibration(1.5, 0.5))
    card, tensors = load_model(saved)
    assert card == replace(CARD, calibration=Calibration(1.5, 0.5))
    assert all(torch.equal(before[name], value) for name, value in tensors.items())


@pytest.mark.parametrize("length", [0, -1, 10_000, "4", 2.5])
def test_a_length_that_no_text_can_have_is_refused(length: object) -> None:
    card = replace(CARD, length=4)
    assert parse_card(Path("m"), card.to_json()) == card
    assert "length" not in json.loads(CARD.to_json())
    damaged = json.dumps({**json.loads(card.to_json()), "length": length})
    with pytest.raises(UserError, match="damaged"):
        parse_card(Path("m"), damaged)


def test_an_encoder_of_another_height_gets_its_fold_resampled(saved: Path) -> None:
    _, tensors = load_model(saved)
    higher = build_encoder("tiny", 1, 64)
    load_encoder(higher, saved)
    state = higher.state_dict()
    assert all(torch.equal(state[k], v) for k, v in tensors.items() if k != "fold.weight")
    # Of features that are the same in every row it makes what it made of them before.
    held, now = tensors["fold.weight"].sum(2), state["fold.weight"].sum(2)
    assert now.shape == held.shape
    torch.testing.assert_close(now, held)


def test_a_gray_encoder_reads_the_luminance_of_color(saved: Path) -> None:
    gray, color = build_encoder("tiny", 1, 32).eval(), build_encoder("tiny", 3, 32).eval()
    load_encoder(gray, saved)
    load_encoder(color, saved)
    images = torch.randn(2, 3, 32, 40)
    red, green, blue = images.unbind(1)
    luminance = (0.299 * red + 0.587 * green + 0.114 * blue)[:, None]
    torch.testing.assert_close(color(images), gray(luminance), atol=1e-4, rtol=1e-4)


def test_another_architecture_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds the encoder 'tiny' of 1 channel, not 'small' of 1"):
        load_encoder(build_encoder("small", 1, 32), saved)
    color = build_encoder("tiny", 3, 32)
    card = ModelCard("encoder", "tiny", Geometry(3, 32, 96))
    save_model(tmp_path / "color.safetensors", dict(color.state_dict()), card)
    with pytest.raises(UserError, match="of 3 channels, not 'tiny' of 1"):
        load_encoder(build_encoder("tiny", 1, 32), tmp_path / "color.safetensors")


def test_truncated_foreign_and_missing_files_are_named(saved: Path, tmp_path: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a readable safetensors file"):
        load_model(saved)
    with pytest.raises(UserError, match="no model here"):
        load_model(tmp_path / "nowhere")


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    payload = type("Trap", (), {"__reduce__": lambda self: (Path.touch, (trap,))})()
    (tmp_path / FILE_NAME).write_bytes(pickle.dumps(payload))
    with pytest.raises(UserError, match="not a readable safetensors file"):
        load_model(tmp_path)
    assert not trap.exists()


def test_a_list_of_too_many_tensors_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    file.write_bytes((1 << 25).to_bytes(8, "little") + b"{" + bytes(1 << 25))
    with pytest.raises(UserError, match="a list of tensors of 33,554,432 bytes is too long"):
        load_model(file)


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (replace(CARD, encoder="huge"), "its encoder 'huge' is not known here, only tiny, small"),
        (replace(CARD, geometry=Geometry(1, 40, 96)), "its height 40 is not a multiple of 16"),
    ],
)
def test_a_card_of_another_network_is_refused_with_its_file(
    saved: Path, card: ModelCard, said: str
) -> None:
    save_model(saved, load_model(saved)[1], card)
    with pytest.raises(UserError, match=f"^{saved}: {said}"):
        load_model(saved)
