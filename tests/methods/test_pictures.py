from __future__ import annotations

import torch

from captcha_ssl.methods.pictures import side_by_side


def test_pieces_lie_side_by_side_with_nothing_between() -> None:
    one, two, three = torch.rand(3, 2, 1, 4, 5)
    laid = side_by_side([one, two, three])
    assert laid.shape == (2, 1, 4, 5 + 2 + 5 + 2 + 5)
    assert torch.equal(laid[..., :5], one)
    assert torch.equal(laid[..., 7:12], two)
    assert torch.equal(laid[..., 14:], three)
    assert laid[..., 5:7].isnan().all()
    assert laid[..., 12:14].isnan().all()


def test_a_single_piece_stays_as_it_is() -> None:
    piece = torch.rand(2, 3, 4, 5)
    assert torch.equal(side_by_side([piece]), piece)
