"""Arrays of several files that read like one."""

from __future__ import annotations

import numpy as np
import pytest

from captcha_ssl.data.images import JoinedImages

SIZES = (3, 1, 0, 5)


@pytest.fixture
def parts() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (size, 1, 2, 3), np.uint8) for size in SIZES]


@pytest.mark.parametrize(
    "chosen",
    [
        0,
        3,
        8,
        -1,
        -9,
        np.int64(4),
        slice(None),
        slice(1, 3),
        slice(2, 6),
        slice(4, 9, 2),
        slice(20, 30),
        slice(-3, None),
        slice(None, None, -1),
        [8, 0, 3, 3],
        np.array([-1, 2]),
        np.array([[0, 4], [8, 1]]),
        np.arange(9) % 2 == 0,
        np.zeros(0, np.int64),
    ],
)
def test_indexing_gives_what_one_array_gives(parts: list[np.ndarray], chosen: object) -> None:
    whole, joined = np.concatenate(parts), JoinedImages(parts)
    np.testing.assert_array_equal(joined[chosen], whole[chosen])  # type: ignore[index]


def test_shape_size_and_rows_are_those_of_one_array(parts: list[np.ndarray]) -> None:
    whole, joined = np.concatenate(parts), JoinedImages(parts)
    assert (joined.shape, joined.nbytes, len(joined)) == (whole.shape, whole.nbytes, len(whole))
    np.testing.assert_array_equal(np.asarray(joined), whole)
    np.testing.assert_array_equal(np.stack(list(joined)), whole)


def test_a_batch_from_one_part_is_not_copied(parts: list[np.ndarray]) -> None:
    assert np.shares_memory(JoinedImages(parts)[4:9], parts[3])


@pytest.mark.parametrize("chosen", [9, -10, [0, 9]])
def test_a_place_out_of_range_is_an_index_error(parts: list[np.ndarray], chosen: object) -> None:
    with pytest.raises(IndexError):
        JoinedImages(parts)[chosen]  # type: ignore[index]


def test_images_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 kinds"):
        JoinedImages([np.zeros((1, 1, 2, 3), np.uint8), np.zeros((1, 1, 2, 4), np.uint8)])
