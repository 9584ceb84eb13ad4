"""Variants: methods with their own settings, written `simclr:loss=triplet:mining=hard`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from captcha_ssl.benchmark.plan.settings import PretrainingSettings
from captcha_ssl.config import Given
from captcha_ssl.methods.registry import default_rate, method_class
from captcha_ssl.settings import Settings


@dataclass(frozen=True)
class Variant:
    """A method, how it is pretrained, and the instances of its settings classes."""

    name: str
    method: str
    pretraining: PretrainingSettings
    settings: tuple[Settings, ...]

    @property
    def lr(self) -> float:
        """The peak learning rate: the given one, or else the default of the method."""
        asked, batch_size = self.pretraining.pretrain_lr, self.pretraining.pretrain_batch_size
        return default_rate(self.method, batch_size) if asked is None else asked


def variant_names(listed: str) -> list[str]:
    """The names in a list, separated by commas or written as a list in Python or TOML."""
    return re.findall(r"[^\s,'\"\[\]()]+", listed)


def settings_classes(name: str) -> tuple[type[Settings], ...]:
    """The settings classes that a variant takes. Raises UserError for an unknown method."""
    return (PretrainingSettings, *method_class(_split(name)[0]).settings_classes)


def build_variant(name: str, common: Mapping[type[Settings], Settings]) -> Variant:
    """The variant `name`; it overrides the settings in `common`.

    Raises UserError for a key that its method does not have, or a value that is not allowed.
    """
    method, assignments = _split(name)
    kinds = settings_classes(name)
    given = Given(assignments=assignments, label=f"--methods {name}")
    found = given.over(*(common[kind] for kind in kinds))
    return Variant(name, method, found[PretrainingSettings], found.parts[1:])


def _split(name: str) -> tuple[str, Sequence[str]]:
    method, *assignments = name.split(":")
    return method, assignments
