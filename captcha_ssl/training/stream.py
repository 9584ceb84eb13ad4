"""Batches of images that are decoded when they are used, shuffled within a buffer.

A pass over the pile is cut into blocks of half a buffer. While a block is trained on, a thread
reads the next one. In a block, the first image of every batch comes from its beginning, the last
one from its end, and each of them from a random place of its own stretch: so ranks that share
batches read different images, each of them in the order in which they lie on the disk.

The block, and the place in it, of every image of every step follow from the seed and the step: a
resumed run reads the block it was at again, and continues with the same bytes.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from captcha_ssl.data.streamed import PassOrder, StreamedImages
from captcha_ssl.training.distributed import own_share
from captcha_ssl.training.store import sent


@dataclass(frozen=True)
class _Block:
    """This rank's images of a block, and where those of the block's batches are in it."""

    images: np.ndarray
    rows: np.ndarray


class BlockStream:
    """The batches of this rank from `images`, of which at most `buffer` are in memory.

    A buffer smaller than four batches counts as four.
    """

    def __init__(
        self,
        images: StreamedImages,
        batch_size: int,
        seed: int,
        buffer: int,
        device: torch.device,
    ) -> None:
        self.images, self.batch_size, self.seed, self.device = images, batch_size, seed, device
        self.own = own_share(batch_size)
        count, block = len(images), max(buffer // 2, 2 * batch_size)
        # Of equal size: a batch lies in two blocks at most.
        self.per_pass = -(-count // block)
        self._bounds = np.arange(self.per_pass + 1) * count // self.per_pass
        self._blocks: dict[int, Future[_Block]] = {}
        self._pass: tuple[int, PassOrder] | None = None
        self._pool = ThreadPoolExecutor(1)
        self._closed = False

    def order(self, step: int) -> Tensor:
        """The places int64 `[batch_size]` of a step in the endless chain of passes."""
        return torch.arange(step * self.batch_size, (step + 1) * self.batch_size)

    def fetch(self, places: Tensor) -> Tensor:
        """The images uint8 `[n, C, H, W]` on the device, at this rank's places of a step.

        Raises UserError when too many images cannot be read.
        """
        passes, within = np.divmod(places.numpy(), len(self.images))
        numbers = passes * self.per_pass + np.searchsorted(self._bounds, within, side="right") - 1
        needed = np.unique(numbers).tolist()
        for passed in self._blocks.keys() - {*needed, needed[-1] + 1}:
            del self._blocks[passed]
        batch = np.empty((len(places), *self.images.shape[1:]), np.uint8)
        for number in needed:
            block, here = self._block(number).result(), numbers == number
            first = self._bounds[number % self.per_pass]
            batch[here] = block.images[block.rows[within[here] - first]]
            if number != needed[-1]:
                del self._blocks[number]
        self._block(needed[-1] + 1)
        return sent(torch.from_numpy(batch), self.device)

    def close(self) -> None:
        """Stop reading."""
        self._closed = True
        self._pool.shutdown(cancel_futures=True)

    def _block(self, number: int) -> Future[_Block]:
        if number not in self._blocks:
            self._blocks[number] = self._pool.submit(self._read, number)
        return self._blocks[number]

    def _read(self, number: int) -> _Block:
        passed, place = divmod(number, self.per_pass)
        first, end = self._bounds[place : place + 2].tolist()
        # Which place in its batch each image of the block gets, in the order of the steps.
        lanes = (passed * len(self.images) + np.arange(first, end)) % self.batch_size
        drawn = np.random.default_rng((self.seed, passed, 1 + place)).random(end - first)
        rows = np.empty(end - first, np.int64)
        rows[np.lexsort((drawn, lanes))] = np.arange(end - first)
        mine = np.bincount(lanes, minlength=self.batch_size)
        begin, stop = int(mine[: self.own.start].sum()), int(mine[: self.own.stop].sum())
        chosen = self._order(passed)(first + begin, first + stop)
        return _Block(self.images.decoded(chosen, self._go_on), rows - begin)

    def _order(self, number: int) -> PassOrder:
        if self._pass is None or self._pass[0] != number:
            generator = np.random.default_rng((self.seed, number))
            self._pass = number, self.images.order(generator)
        return self._pass[1]

    def _go_on(self, done: int, total: int) -> None:
        if self._closed:
            raise InterruptedError
