"""The base of all methods that compare two views of the same instances."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from captcha_ssl.methods.instances import build_instances
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.views.settings import ViewSettings


class TwoViewMethod(Method):
    """A method that turns images into instances and compares two views of them."""

    def __init__(self, encoder: Encoder, instances: InstanceSettings, views: ViewSettings) -> None:
        super().__init__(encoder)
        self.instances = build_instances(instances, views)
        self.one_pass = instances.one_pass

    def of_both(
        self, images: Tensor, embedded: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The result of `embedded` for each of two views, `[N, D]` each.

        With `one_pass`, both views share one pass and its batch statistics, which halves the
        operations of a step.
        """
        one, other = self.instances.views(images)
        if not self.one_pass:
            return embedded(one), embedded(other)
        a, b = embedded(torch.cat([one, other])).chunk(2)
        return a, b

    def check(self, images: Tensor) -> None:
        self.instances.check(images.shape[3])

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        one, two = map(self.instances.picture, self.instances.views(images))
        return {"one view": one, "the other view": two}
