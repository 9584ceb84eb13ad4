"""The losses against pytorch-metric-learning and lightly: values and gradients, in float64.

Where a parameter, a factor or a reduction of theirs is not ours, a comment beside the test says so.
The first has no Barlow Twins, SwAV or SimSiam, the second no contrastive, triplet or N-pair loss.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning import distances, losses, miners, reducers, regularizers
from torch import Tensor

from captcha_ssl.losses.barlow_twins import barlow_twins
from captcha_ssl.losses.contrastive import contrastive
from captcha_ssl.losses.cosine import negative_cosine
from captcha_ssl.losses.infonce import infonce
from captcha_ssl.losses.n_pair import n_pair
from captcha_ssl.losses.sinkhorn import sinkhorn
from captcha_ssl.losses.swav import swav
from captcha_ssl.losses.triplet import triplet
from captcha_ssl.losses.vicreg import vicreg

Indices = tuple[Tensor, ...] | None
WEIGHTS = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (25, 25, 1)]
QUEUED = pytest.mark.parametrize("queued", [False, True], ids=["batch", "queue"])


@pytest.fixture(scope="module")
def lightly() -> ModuleType:
    return pytest.importorskip("lightly.loss", reason="needs lightly, which needs torchvision")


def _views(queued: bool = False) -> tuple[Tensor, Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(8, 5, dtype=torch.float64, generator=generator)
    b = a + 0.9 * torch.randn(8, 5, dtype=torch.float64, generator=generator)
    queue = torch.randn(11, 5, dtype=torch.float64, generator=generator)
    return a.requires_grad_(), b.requires_grad_(), queue if queued else None


def _same(ours: Tensor, theirs: Tensor, *views: Tensor) -> None:
    """Equal values, and equal gradients in `views`."""
    found = [ours, *torch.autograd.grad(ours, views)]
    wanted = [theirs, *torch.autograd.grad(theirs, views)]
    assert all(part.any() for part in wanted)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


def _metric_learning(
    loss: Callable[..., Tensor],
    a: Tensor,
    b: Tensor,
    queue: Tensor | None,
    miner: Callable[..., Indices] = lambda *args: None,
) -> Tensor:
    """Their loss between two views, whose labels are the instances.

    With a queue, one anchor at a time: in one call the other rows of `b` were negatives too.
    """
    if queue is None:
        z, labels = torch.cat([a, b]), torch.arange(len(a)).repeat(2)
        return loss(z, labels, miner(z, labels))
    label, labels = torch.zeros(1), torch.arange(1 + len(queue)).sign()
    terms = []
    for anchor, positive in zip(a.split(1), b.split(1), strict=True):
        others = torch.cat([positive, queue])
        terms.append(loss(anchor, label, miner(anchor, label, others, labels), others, labels))
    return torch.stack(terms).mean()


@QUEUED
def test_infonce_is_their_nt_xent(queued: bool) -> None:
    a, b, queue = _views(queued)
    theirs = _metric_learning(losses.NTXentLoss(0.2), a, b, queue)
    _same(infonce(a, b, 0.2, negatives=queue), theirs, a, b)


class _HalfMeanSquare(reducers.MeanReducer):
    def element_reduction(self, losses: Tensor, *_: object) -> Tensor:
        return 0.5 * losses.square().mean()


@QUEUED
def test_contrastive_is_half_the_squares_of_their_terms(queued: bool) -> None:
    # Their terms are D and max(0, margin - D), as they stand and averaged over those above zero;
    # the paper's are halves of the squares. Distances, pairs and hinge are theirs here.
    a, b, queue = _views(queued)
    loss = losses.ContrastiveLoss(pos_margin=0, neg_margin=0.9, reducer=_HalfMeanSquare())
    theirs = _metric_learning(loss, a, b, queue)
    _same(contrastive(a, b, 0.9, negatives=queue), theirs, a, b)


def _of_squares(margin: float) -> losses.TripletMarginLoss:
    # Their distance is D and ours D², and their mean leaves out the triplets that cost nothing.
    squared, mean = distances.LpDistance(power=2), reducers.MeanReducer()
    return losses.TripletMarginLoss(margin, distance=squared, reducer=mean)


@QUEUED
def test_the_hard_triplet_is_that_of_their_batch_hard_miner(queued: bool) -> None:
    a, b, queue = _views(queued)
    theirs = _metric_learning(_of_squares(0.5), a, b, queue, miners.BatchHardMiner())
    _same(triplet(a, b, 0.5, "hard", negatives=queue), theirs, a, b)


def _semi_hard(*batch: Tensor) -> Indices:
    """Their semi-hard triplets, and their easiest where an anchor has none.

    Their miner leaves such an anchor out. FaceNet has no word on it; ours takes the farthest.
    """
    farther = miners.BatchEasyHardMiner("easy", "semihard")(*batch)
    farthest = miners.BatchEasyHardMiner("easy", "easy")(*batch)
    left_out = ~torch.isin(farthest[0], farther[0])
    return tuple(torch.cat([x, y[left_out]]) for x, y in zip(farther, farthest, strict=True))


@QUEUED
def test_the_semi_hard_triplet_is_that_of_their_semi_hard_miner(queued: bool) -> None:
    a, b, queue = _views(queued)
    # An instance whose views are opposite has no negative beyond its positive.
    opposite = torch.cat([b[:-1], -a[-1:]])
    theirs = _metric_learning(_of_squares(0.5), a, opposite, queue, _semi_hard)
    _same(triplet(a, opposite, 0.5, "semi-hard", negatives=queue), theirs, a, b)


def test_a_random_triplet_costs_the_mean_of_all_their_triplets() -> None:
    # They draw in another order; the mean of our 80,000 draws has a standard error of 0.3%.
    a, b, queue = _views(queued=True)
    theirs = _metric_learning(_of_squares(2.0), a, b, queue)
    torch.manual_seed(0)
    ours = triplet(a.repeat(10_000, 1), b.repeat(10_000, 1), 2.0, "random", negatives=queue)
    torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0)


def test_n_pair_is_theirs_without_unit_length() -> None:
    # λ/4 · (mean + mean) is λ/2 of their mean over both views. Theirs takes no queue.
    a, b, _ = _views()
    loss = losses.NPairsLoss(
        distance=distances.DotProductSimilarity(normalize_embeddings=False),
        embedding_regularizer=regularizers.LpRegularizer(power=2),
        embedding_reg_weight=0.02 / 2,
    )
    _same(n_pair(a, b, 0.02), _metric_learning(loss, a, b, None), a, b)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_vicreg_is_theirs(weights: tuple[float, float, float]) -> None:
    a, b, _ = _views()
    _same(vicreg(0.5 * a, b, *weights), losses.VICRegLoss(*weights)(0.5 * a, ref_emb=b), a, b)


def test_infonce_is_lightlys_nt_xent(lightly: ModuleType) -> None:
    a, b, _ = _views()
    _same(infonce(a, b, 0.2), lightly.NTXentLoss(0.2)(a, b), a, b)


def test_infonce_with_a_queue_is_lightlys_with_a_memory_bank(lightly: ModuleType) -> None:
    # Their bank holds unit vectors in float32, and gives its negatives before it takes `b` in.
    a, b, queue = _views(queued=True)
    theirs = lightly.NTXentLoss(0.2, memory_bank_size=queue.shape)
    theirs.memory_bank.bank = F.normalize(queue)
    _same(infonce(a, b, 0.2, negatives=queue), theirs(a, b), a, b)


@pytest.mark.parametrize("redundancy", [0.005, 1.0])
def test_barlow_twins_is_lightlys(redundancy: float, lightly: ModuleType) -> None:
    a, b, _ = _views()
    _same(barlow_twins(a, b, redundancy), lightly.BarlowTwinsLoss(redundancy)(a, b), a, b)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_vicreg_is_lightlys(weights: tuple[float, float, float], lightly: ModuleType) -> None:
    a, b, _ = _views()
    _same(vicreg(0.5 * a, b, *weights), lightly.VICRegLoss(*weights)(0.5 * a, b), a, b)


def test_negative_cosine_is_lightlys_for_a_detached_target(lightly: ModuleType) -> None:
    # Theirs leaves the detaching to the caller.
    (a, b, _), loss = _views(), lightly.NegativeCosineSimilarity()
    theirs = loss(a, b.detach()) + loss(b, a.detach())
    _same(negative_cosine(a, b) + negative_cosine(b, a), theirs, a, b)


@pytest.mark.parametrize("iterations", [1, 3])
def test_sinkhorn_is_lightlys(iterations: int, lightly: ModuleType) -> None:
    scores, _, _ = _views()
    theirs = lightly.swav_loss.sinkhorn(scores, iterations=iterations, epsilon=0.3)
    torch.testing.assert_close(sinkhorn(scores, 0.3, iterations), theirs, rtol=1e-9, atol=1e-12)


def test_swav_is_lightlys_for_two_crops_of_one_resolution(lightly: ModuleType) -> None:
    a, b, _ = _views()
    theirs = lightly.SwaVLoss(0.2, sinkhorn_iterations=3, sinkhorn_epsilon=0.3)([a, b], [])
    _same(swav(a, b, 0.2, 0.3, 3), theirs.squeeze(), a, b)
