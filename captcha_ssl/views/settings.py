"""Strengths of the views. Zero switches a step off."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from captcha_ssl.settings import Settings, setting

USUAL_CONTRAST, USUAL_RANGE, USUAL_STROKE = 2.0, 1.5, 1.75
"""Text of at least this contrast (in image deviations), over which nothing is stronger by more
than this, of strokes at least so wide (pixels), gets views at the strengths that are set. Print,
captchas and the real sets of the results lie at 2.0 to 3.5, 1.0 to 1.5 and 1.8 to 2.6."""


class ViewSettings(Settings):
    """How far two views of one crop may differ (the defaults suit pretraining on crops).

    Open values are measured in the images (views/ink.py) before training starts.
    """

    title: ClassVar[str] = "Views"

    rotation: float = setting(25.0, "largest rotation, degrees", low=0, high=90)
    shear: float = setting(0.3, "largest horizontal shear", low=0, high=2)
    scale: float = setting(0.25, "largest change of size, natural logarithm", low=0, high=2)
    shift: float = setting(2.0, "largest displacement, pixels", low=0)
    elastic: float = setting(1.5, "deviation of the elastic displacement, pixels", low=0)
    thickness: float = setting(
        0.6, "share of views with thicker, thinner or closed strokes", low=0, high=1
    )
    strokes: int = setting(2, "curved strokes drawn over a view, at most", low=0)
    dots: float = setting(12.0, "dots expected on a view, at most", low=0)
    color: float = setting(
        1.0, "share of views with randomly mixed colors; gray images stay", low=0, high=1
    )
    contrast: float = setting(0.5, "largest change of contrast, natural logarithm", low=0)
    brightness: float = setting(0.3, "deviation of the brightness, in image deviations", low=0)
    blur: float = setting(0.3, "share of views that are blurred", low=0, high=1)
    noise: float = setting(0.15, "largest deviation of pixel noise, in image deviations", low=0)
    lines: float | None = setting(
        None, "share of views with a line across; none: half where images have one", low=0, high=1
    )
    ink_contrast: float = setting(
        0.0, "contrast of the text in image deviations; 0: measured", low=0
    )
    ink_strongest: float = setting(
        0.0, "strongest contrast, in contrasts of the text; 0: measured", low=0
    )
    ink_stroke: float = setting(0.0, "width of the text's strokes in pixels; 0: measured", low=0)

    def with_ink_of(self, other: ViewSettings) -> Self:
        """These settings with the text measurements of `other`."""
        given = ("ink_contrast", "ink_strongest", "ink_stroke")
        return self.replace(**{name: getattr(other, name) for name in given})

    @property
    def faintness(self) -> float:
        """The factor for noise and brightness: 1 for usual ink, less for fainter ink."""
        return min(1.0, self.ink_contrast / USUAL_CONTRAST) if self.ink_contrast else 1.0

    @property
    def clutter_strength(self) -> float:
        """The contrast of drawn clutter, as a share of the strongest contrast of an image."""
        return min(1.0, USUAL_RANGE / self.ink_strongest) if self.ink_strongest else 1.0

    @property
    def stroke_scale(self) -> float:
        """The factor for stroke width and blur: 1 for usual strokes, less for thin ones."""
        return min(1.0, self.ink_stroke / USUAL_STROKE) if self.ink_stroke else 1.0


def gentle_views(**changes: Any) -> ViewSettings:
    """Strengths that suit fine-tuning on whole images, with `changes` of some."""
    return ViewSettings(**{**_GENTLE, **changes})


def strong_views() -> ViewSettings:
    """As strong as possible for legible whole images, including clutter."""
    return ViewSettings(**_STRONG)


_GENTLE: dict[str, Any] = {
    "lines": 0.0,
    "rotation": 3.0,
    "shear": 0.15,
    "scale": 0.08,
    "shift": 2.0,
    "elastic": 0.7,
    "thickness": 0.0,
    "strokes": 0,
    "dots": 0.0,
    "color": 0.5,
    "contrast": 0.3,
    "brightness": 0.2,
    "noise": 0.1,
}
_STRONG: dict[str, Any] = {
    "rotation": 6.0,
    "shear": 0.3,
    "scale": 0.15,
    "shift": 3.0,
    "elastic": 1.2,
    "thickness": 0.6,
    "strokes": 2,
    "dots": 24.0,
    "color": 1.0,
    "contrast": 0.5,
    "brightness": 0.3,
    "noise": 0.2,
}
