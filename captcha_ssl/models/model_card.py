"""The model card: the description inside a model file (read without torch)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from captcha_ssl.data.character_kinds import KIND_NAMES, OTHER_KIND
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.documents import loaded_json, typed
from captcha_ssl.errors import UserError

KEY = "captcha-ssl-model"
"""The metadata key of the card in a model file of either format."""
_VERSION = 1
MOST_PIXELS = 4096
"""The largest height or width of a model."""
_COLDEST, _HOTTEST = 1e-3, 1e3
"""Temperatures beyond these make every confidence 0 or 1; calibration finds 0.2 to 10."""


@dataclass(frozen=True)
class Calibration:
    """What logits are divided by before they become the confidence of a text or a character.

    A temperature of 1 changes nothing; none of them changes the text.
    """

    text: float = 1.0
    character: float = 1.0


_RENAMED = {"recogniser": "recognizer"}
"""Kinds in the spelling of older versions."""


@dataclass(frozen=True)
class ModelCard:
    """Everything that is needed to use a model, besides its weights."""

    kind: Literal["encoder", "recognizer"]
    encoder: str
    geometry: Geometry
    charset: str | None = None
    about: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)
    length: int | None = None
    """The number of characters that all labels had."""
    kinds: tuple[str, ...] | None = None
    """The kinds of the characters at each place of such a text, as `Lu` or `Lu Nd`."""

    def to_json(self) -> str:
        """The card as one JSON object; equal cards give equal text."""
        fields = asdict(self)
        if self.length is None:
            # As it was before models knew a length.
            del fields["length"]
        if self.kinds is None:
            del fields["kinds"]
        return json.dumps({"version": _VERSION, **fields}, ensure_ascii=False)


def parse_card(file: Path, stored: str | None) -> ModelCard:
    """The card of `file` from the text `stored`. Raises UserError if it is not a card."""
    if stored is None:
        raise UserError(f"{file}: not a captcha-ssl model; train one with pretrain or finetune")
    try:
        fields = loaded_json(stored)
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        if fields.pop("version", None) != _VERSION:
            raise UserError(f"{file}: made by another version of captcha-ssl; train it again")
        if isinstance(kind := fields.get("kind"), str):
            fields["kind"] = _RENAMED.get(kind, kind)
        card: ModelCard = typed(ModelCard, fields)
        return _checked(card)
    except ValueError as error:
        raise UserError(f"{file}: its description is damaged ({error}); train it again") from error


def _checked(card: ModelCard) -> ModelCard:
    """The card if it is valid. Raises ValueError."""
    if card.charset is not None:
        Charset(card.charset)
    if max(card.geometry.height, card.geometry.width) > MOST_PIXELS:
        raise ValueError(f"geometry {card.geometry}")
    for temperature in (card.calibration.text, card.calibration.character):
        if not _COLDEST <= temperature <= _HOTTEST:
            raise ValueError(f"temperature {temperature:g}")
    if card.length is not None and not 1 <= card.length <= card.geometry.width:
        raise ValueError(f"length {card.length}")
    if card.kinds is not None:
        known = {*KIND_NAMES, OTHER_KIND}
        if len(card.kinds) != card.length or not all(
            at and known.issuperset(at.split(" ")) for at in card.kinds
        ):
            raise ValueError(f"kinds {card.kinds}")
    return card
