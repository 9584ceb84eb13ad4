"""Strengths of the views. Zero switches a step off."""

from __future__ import annotations

from dataclasses import dataclass

from captcha_ssl.settings import setting


@dataclass(frozen=True)
class ViewSettings:
    """How far two views of one crop may differ (the defaults suit pretraining on crops)."""

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
        1.0, "share of views whose colors are mixed anew; gray images stay", low=0, high=1
    )
    contrast: float = setting(0.5, "largest change of contrast, natural logarithm", low=0)
    brightness: float = setting(0.3, "deviation of the brightness, in image deviations", low=0)
    blur: float = setting(0.3, "share of views that are blurred", low=0, high=1)
    noise: float = setting(0.15, "largest deviation of pixel noise, in image deviations", low=0)


@dataclass(frozen=True)
class GentleViewSettings(ViewSettings):
    """The same steps at strengths that suit fine-tuning on whole images."""

    rotation: float = setting(3.0, "largest rotation, degrees", low=0, high=90)
    shear: float = setting(0.15, "largest horizontal shear", low=0, high=2)
    scale: float = setting(0.08, "largest change of size, natural logarithm", low=0, high=2)
    shift: float = setting(2.0, "largest displacement, pixels", low=0)
    elastic: float = setting(0.7, "deviation of the elastic displacement, pixels", low=0)
    thickness: float = setting(
        0.0, "share of views with thicker, thinner or closed strokes", low=0, high=1
    )
    strokes: int = setting(0, "curved strokes drawn over a view, at most", low=0)
    dots: float = setting(0.0, "dots expected on a view, at most", low=0)
    color: float = setting(
        0.5, "share of views whose colors are mixed anew; gray images stay", low=0, high=1
    )
    contrast: float = setting(0.3, "largest change of contrast, natural logarithm", low=0)
    brightness: float = setting(0.2, "deviation of the brightness, in image deviations", low=0)
    noise: float = setting(0.1, "largest deviation of pixel noise, in image deviations", low=0)


@dataclass(frozen=True)
class StrongViewSettings(GentleViewSettings):
    """As strong as whole images bear it and can still be read, clutter included."""

    rotation: float = setting(6.0, "largest rotation, degrees", low=0, high=90)
    shear: float = setting(0.3, "largest horizontal shear", low=0, high=2)
    scale: float = setting(0.15, "largest change of size, natural logarithm", low=0, high=2)
    shift: float = setting(3.0, "largest displacement, pixels", low=0)
    elastic: float = setting(1.2, "deviation of the elastic displacement, pixels", low=0)
    thickness: float = setting(
        0.6, "share of views with thicker, thinner or closed strokes", low=0, high=1
    )
    strokes: int = setting(2, "curved strokes drawn over a view, at most", low=0)
    dots: float = setting(24.0, "dots expected on a view, at most", low=0)
    color: float = setting(
        1.0, "share of views whose colors are mixed anew; gray images stay", low=0, high=1
    )
    contrast: float = setting(0.5, "largest change of contrast, natural logarithm", low=0)
    brightness: float = setting(0.3, "deviation of the brightness, in image deviations", low=0)
    noise: float = setting(0.2, "largest deviation of pixel noise, in image deviations", low=0)
