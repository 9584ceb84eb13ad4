"""The Python interface: pretrain, adapt, finetune and Reader, available as `captcha_ssl.NAME`.

Settings are keywords; `captcha-ssl pretrain --settings` and the like list them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, Union, cast

import numpy as np

from captcha_ssl.config import Given
from captcha_ssl.data.image import ImageError, pixels_of, read_image
from captcha_ssl.recognition.reading.narrowed import narrowed
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.text_reader import Reading, read_images

if TYPE_CHECKING:
    from PIL import Image

    from captcha_ssl.pretraining.pretrain import PretrainResult
    from captcha_ssl.recognition.fine_tuning.finetune import FinetuneResult
    from captcha_ssl.training.meter import StepReport

PathLike = str | os.PathLike[str]
ImageSource = Union[PathLike, bytes, np.ndarray, "Image.Image"]
"""An image file, the bytes of one, an image of Pillow in any mode, or pixels: uint8 [H, W] gray or
[H, W, 3] RGB."""


def pretrain(
    images: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    resume: bool = False,
    observe: Callable[[StepReport], None] | None = None,
    **settings: Any,
) -> PretrainResult:
    """Learn an encoder from images without labels; the result names the model file in `out`.

    `images` is a dataset of any format, or several of them; labels are not read. `settings` are
    those of `captcha-ssl pretrain`, for example `method="moco", epochs=20, batch_size=64`.
    `observe` is called at every logged step. Raises UserError for data or settings that cannot be
    used, and for an `out` that holds something (without `resume`).
    """
    # torch takes a while to import.
    from captcha_ssl.pretraining.config import PretrainConfig
    from captcha_ssl.pretraining.pretrain import run_pretraining
    from captcha_ssl.pretraining.start import settle_start
    from captcha_ssl.training.images import load_images
    from captcha_ssl.training.init_from import adopt

    begun = Path(out) if resume else None
    config, _ = settle_start(PretrainConfig.read(Given(flags=settings, label="")), resumed=begun)
    model, geometry = adopt(config.model, config.pretrain.init_from)
    stream = config.pretrain.stream
    data = load_images(_paths(images), model, labeled=False, geometry=geometry, stream=stream)
    return run_pretraining(
        replace(config, model=model), data, Path(out), resume=resume, observe=observe
    )


def adapt(
    images: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    resume: bool = False,
    observe: Callable[[StepReport], None] | None = None,
    **settings: Any,
) -> FinetuneResult:
    """Adapt a recognizer to images without labels; write it to `out`, and as ONNX beside it.

    `settings` are those of `captcha-ssl adapt`, for example `steps=1000`. The result has the
    recognizer and the logged figures. Raises UserError for data or settings that cannot be used,
    for images in which too few texts are read surely, and for an `out` that holds something
    (without `resume`).
    """
    from captcha_ssl.recognition.adaptation.adapt import Adapting, read_pile, run_adapting
    from captcha_ssl.recognition.adaptation.config import AdaptConfig
    from captcha_ssl.training.run_directory import refuse_in_use

    config = AdaptConfig.read(Given(flags=settings, label=""))
    refuse_in_use(Path(out), resume=resume)
    adapting = Adapting(*read_pile(config, _paths(images)))
    return run_adapting(adapting, Path(out), resume=resume, observe=observe)


def finetune(
    labeled: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    resume: bool = False,
    observe: Callable[[StepReport], None] | None = None,
    **settings: Any,
) -> FinetuneResult:
    """Train a recognizer on labeled images; write it to `out`, and as ONNX beside it.

    `settings` are those of `captcha-ssl finetune`, for example
    `init_from="runs/encoder", labels=200, validation=0.1`. The result has the recognizer, whether
    it `converged` (left the CTC plateau) and the logged figures. `observe` is called at every
    logged step of this training, and not of those that compare starts or check labels before it.
    Raises UserError for data or settings that cannot be used, and for an `out` that holds
    something (without `resume`).
    """
    from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
    from captcha_ssl.recognition.fine_tuning.from_images import finetune_images, watched_by

    config = FinetuneConfig.read(Given(flags=settings, label=""))
    watch = watched_by(observe)
    return finetune_images(config, _paths(labeled), Path(out), resume=resume, watch=watch).result


class Reader:
    """Reads the text in images with a recognizer.

    `model` is a finetune run, a .safetensors or .onnx file, or `shipped`: the model in the
    package. An ONNX model needs no torch. `charset` restricts what is read to these characters,
    `length` to texts of that many characters (`any`: of every length). Raises UserError for a
    model, a charset, a length or a device that cannot be used.
    """

    def __init__(
        self,
        model: PathLike = "shipped",
        *,
        charset: str | None = None,
        length: int | str | None = None,
        device: str = "auto",
    ) -> None:
        told = None if length is None else str(length)
        self._model = narrowed(open_reader(Path(model), device), length=told, charset=charset)

    @property
    def charset(self) -> str:
        """The characters that the model knows."""
        return self._model.charset.characters

    def read(self, images: ImageSource | Iterable[ImageSource]) -> list[Reading]:
        """The text of each image, in order, with its confidence and that of each character.

        Raises ImageError, a UserError, for an image that cannot be read, ValueError for an array
        that is no image, and TypeError for anything else.
        """
        given = [images] if _is_one(images) else cast("Iterable[ImageSource]", images)
        fit = self._model.geometry.fit
        pixels = [fit(_pixels(image)) for image in given]
        return read_images(self._model, np.stack(pixels)) if pixels else []


def _paths(data: PathLike | Sequence[PathLike]) -> list[Path]:
    return [Path(data)] if isinstance(data, str | os.PathLike) else [Path(path) for path in data]


def _is_one(images: ImageSource | Iterable[ImageSource]) -> TypeGuard[ImageSource]:
    return isinstance(images, str | os.PathLike | bytes | np.ndarray) or _is_of_pillow(images)


def _is_of_pillow(image: object) -> TypeGuard[Image.Image]:
    # Files and arrays often need no Pillow, and then it is not imported.
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(image, pillow.Image)


def _pixels(image: ImageSource) -> np.ndarray:
    """RGB uint8 [H, W, 3]."""
    if isinstance(image, bytes):
        return read_image(image, name="image")
    if isinstance(image, str | os.PathLike):
        return read_image(Path(image))
    if isinstance(image, np.ndarray):
        return _checked(image)
    if not _is_of_pillow(image):
        raise TypeError(
            "expected a path, bytes, an array or an image of Pillow, got " + type(image).__name__
        )
    if not all(image.size):
        raise ImageError("image", "has no pixels")
    frame = image.tell()
    try:
        return pixels_of(image)
    except OSError as error:  # a file that Pillow opened and could not read to its end
        raise ImageError("image", f"damaged image ({error})") from error
    finally:
        # The search for a frame that shows something moves the user's image.
        if image.tell() != frame:
            image.seek(frame)


def _checked(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise ValueError(
            f"expected uint8 [H, W] or [H, W, 3], got {image.dtype} {list(image.shape)}"
        )
    if not image.size:
        raise ImageError("image", "has no pixels")
    return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
