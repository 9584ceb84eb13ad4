"""What the methods that compare two views of the same instances have in common."""

from __future__ import annotations

from torch import Tensor

from captcha_ssl.methods.instances import build_instances
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.views.settings import ViewSettings


class TwoViewMethod(Method):
    """A method that makes its images into instances, and sees them in two views."""

    def __init__(self, encoder: Encoder, instances: InstanceSettings, views: ViewSettings) -> None:
        super().__init__(encoder)
        self.instances = build_instances(instances, views)

    def check(self, images: Tensor) -> None:
        self.instances.check(images.shape[3])

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        one, two = map(self.instances.picture, self.instances.views(images))
        return {"one view": one, "the other view": two}
