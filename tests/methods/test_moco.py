from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.moco import MoCo, MoCoSettings
from captcha_ssl.methods.projection import ProjectorSettings
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.views.settings import ViewSettings

STILL = ViewSettings(**dict.fromkeys(ViewSettings.model_fields, 0))


def _moco(instances: str = "image", **settings: Any) -> MoCo:
    torch.manual_seed(0)
    return MoCo(
        build_encoder("tiny", 1, 32),
        MoCoSettings(**{"queue": 9, **settings}),
        LossSettings(),
        ProjectorSettings(projector_hidden=8, projector_out=4),
        InstanceSettings(instances=instances, core=2),
        STILL,
    )


def _images(batch: int = 4, seed: int = 1) -> Tensor:
    torch.manual_seed(seed)
    return torch.randint(0, 256, (batch, 1, 32, 64), dtype=torch.uint8)


def test_a_key_enters_the_queue_moves_through_it_and_is_evicted() -> None:
    moco = _moco()
    before = moco.queue.clone()
    moco(_images(), 0.0)
    key = moco.queue[0].clone()
    assert not (before == key).all(1).any()
    assert torch.equal(moco.queue[4:], before[:5])
    for seed, place in ((2, 4), (3, 8)):
        moco(_images(seed=seed), 0.0)
        assert (moco.queue == key).all(1).nonzero().tolist() == [[place]]
    moco(_images(seed=4), 0.0)
    assert not (moco.queue == key).all(1).any()
    assert moco.queue.shape == (9, 4)


def test_a_batch_larger_than_the_queue_replaces_it() -> None:
    moco = _moco()
    before = moco.queue.clone()
    moco(_images(batch=11), 0.0)
    assert moco.queue.shape == (9, 4)
    assert not torch.isin(moco.queue, before).any()


def test_logits_use_the_queue_as_it_was_before_the_batch_entered() -> None:
    moco = _moco()
    seen: dict[str, Tensor | None] = {}

    def loss(a: Tensor, b: Tensor, *, negatives: Tensor | None = None) -> Tensor:
        assert negatives is not None
        seen.update(keys=b, negatives=negatives.clone())
        return a.sum()

    moco.loss = loss
    before = moco.queue.clone()
    moco(_images(), 0.0)
    assert torch.equal(seen["negatives"], before)
    assert torch.equal(moco.queue[:4], seen["keys"])
    assert not seen["keys"].requires_grad


def test_the_key_encoder_moves_by_the_momentum_before_the_keys_are_made() -> None:
    moco = _moco(key_momentum=0.75)
    with torch.no_grad():
        for parameter in (*moco.encoder.parameters(), *moco.projector.parameters()):
            parameter.add_(1.0)
    before = [p.clone() for p in moco.key_encoder.parameters()]
    moco(_images(), 0.0)
    after = list(moco.key_encoder.parameters())
    for old, new, query in zip(before, after, moco.encoder.parameters(), strict=True):
        assert torch.allclose(new, 0.75 * old + 0.25 * query, atol=1e-6)
        assert torch.allclose(new, old + 0.25, atol=1e-5)


def test_the_optimizer_never_sees_the_key_encoder() -> None:
    moco = _moco()
    trained = {id(p) for group in parameter_groups(moco, 0.1, 0.1) for p in group["params"]}
    wanted = {id(p) for p in (*moco.encoder.parameters(), *moco.projector.parameters())}
    assert trained == wanted
    moco(_images(), 0.0)["loss"].backward()
    assert all(p.grad is None for p in moco.key_encoder.parameters())


def test_query_and_key_of_an_instance_stand_in_the_same_row() -> None:
    """Equal encoders and still views: the nearest key is the own one, whatever the shuffle."""
    for instances in ("image", "window", "crop"):
        moco = _moco(instances).eval()
        one, two = moco.instances.views(_images(batch=6))
        queries = moco.projector(moco.instances.embed(moco.encoder, one))
        keys = moco._keys(two)
        distance = torch.cdist(queries - queries.mean(0), keys - keys.mean(0))
        assert (distance.argmin(1) == torch.arange(len(keys))).all()


def test_the_encoder_stays_one_that_other_stages_can_load() -> None:
    moco = _moco()
    moco(_images(), 0.0)
    plain = build_encoder("tiny", 1, 32)
    plain.load_state_dict(moco.encoder.state_dict())
    images = torch.randn(2, 1, 32, 64)
    assert torch.allclose(plain.eval()(images), moco.encoder.eval()(images), atol=1e-6)
