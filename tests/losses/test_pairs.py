from __future__ import annotations

import torch
import torch.nn.functional as F

from captcha_ssl.losses.pairs import cosines


def test_every_row_meets_its_other_view_and_all_other_instances_once() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 4, 3)
    positive, negative = cosines(a, b, None)
    z = F.normalize(torch.cat([a, b]), dim=1)
    for i in range(8):
        assert torch.isclose(positive[i], z[i] @ z[(i + 4) % 8])
        others = [float(z[i] @ z[k]) for k in range(8) if k % 4 != i % 4]
        assert torch.allclose(negative[i].sort().values, torch.tensor(others).sort().values)


def test_given_negatives_take_the_place_of_those_of_the_batch() -> None:
    torch.manual_seed(1)
    a, b = torch.randn(2, 4, 3)
    queue = torch.randn(5, 3)
    positive, negative = cosines(a, b, queue)
    assert torch.allclose(positive, F.cosine_similarity(a, b))
    assert torch.allclose(negative, F.cosine_similarity(a[:, None], queue[None], dim=2))
