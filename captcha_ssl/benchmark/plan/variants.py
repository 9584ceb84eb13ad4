"""Variants: methods under settings of their own, written `simclr:loss=triplet:mining=hard`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from captcha_ssl.benchmark.plan.settings import PretrainingSettings
from captcha_ssl.errors import UserError
from captcha_ssl.methods.registry import method_class
from captcha_ssl.settings import resolve, with_defaults


@dataclass(frozen=True)
class Variant:
    """A method, how it is pretrained, and the instances of its settings classes."""

    name: str
    method: str
    pretraining: PretrainingSettings
    settings: tuple[Any, ...]

    @property
    def lr(self) -> float:
        """The peak learning rate: the one asked for, or else the method's own."""
        asked = self.pretraining.pretrain_lr
        return method_class(self.method).peak_lr if asked is None else asked


def variant_names(listed: str) -> list[str]:
    """The names in a list, written with commas or as Python or TOML write one."""
    return re.findall(r"[^\s,'\"\[\]()]+", listed)


def settings_classes(name: str) -> tuple[type, ...]:
    """The settings classes that a variant takes. Raises UserError for an unknown method."""
    return (PretrainingSettings, *method_class(_split(name)[0]).settings_classes)


def build_variant(name: str, common: Mapping[type, Any]) -> Variant:
    """The variant `name`; what it does not set itself is as in the instances `common`.

    Raises UserError for a key that its method does not have, or a value that is not allowed.
    """
    method, assignments = _split(name)
    classes = settings_classes(name)
    values = {cls: dataclasses.asdict(common[cls]) for cls in classes}
    pretraining, *settings = resolve_named(f"--methods {name}", values, assignments)
    return Variant(name, method, pretraining, tuple(settings))


def resolve_named(
    where: str, values: Mapping[type, Mapping[str, Any]], assignments: Sequence[str]
) -> list[Any]:
    """An instance of each class, at its `values` but for what the `key=value` texts say.

    Raises UserError, which begins with `where`, for an unknown key or a value that is not allowed.
    """
    defaults = [with_defaults(cls, dict(given)) for cls, given in values.items()]
    try:
        resolved = resolve(defaults, assignments=assignments)
    except UserError as error:
        raise UserError(f"{where}: {str(error).removeprefix('--set: ')}") from error
    return [as_plain(cls, instance) for cls, instance in zip(values, resolved, strict=True)]


def as_plain(cls: type, instance: Any) -> Any:
    """An instance of a class that `with_defaults` made, as one of `cls` itself."""
    return cls(**{f.name: getattr(instance, f.name) for f in dataclasses.fields(cls)})


def _split(name: str) -> tuple[str, Sequence[str]]:
    method, *assignments = name.split(":")
    return method, assignments
