"""The texts that a recognizer reads surely in unlabeled images: labels that cost nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.spread import spread_places
from captcha_ssl.data.sweep import Progress
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.reading.common_traits import of_same_kinds
from captcha_ssl.recognition.reading.fit_reader import SAMPLE, fit_to_texts
from captcha_ssl.recognition.reading.text_reader import TextReader, read_images

FEWEST = 20
"""The smallest number of texts to learn from."""
_FEW = 0.2
"""With a smaller share of sure texts than in all sets that were tried, the user is warned."""


@dataclass(frozen=True)
class SureTexts:
    """Images with the texts that are read in them surely.

    `charset` has all characters of these texts and those that nearly all images show; if that is
    not clear, those of the reader. `read` counts the images that were read, and `notes` say what
    nearly all of them have in common.
    """

    images: Dataset
    charset: Charset
    read: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{len(self.images):,} of {self.read:,} texts are sure and become labels"


def sure_texts(
    reader: TextReader,
    pile: Dataset,
    *,
    most: int,
    least: float,
    length: bool = True,
    progress: Progress | None = None,
) -> SureTexts:
    """Read up to `most` images, spread over `pile`, and keep those of confidence `least` or more.

    If nearly all texts have one length or certain kinds of characters, only such texts are kept;
    without `length`, those of every length are. `progress(done, total)` is called after each batch.
    Raises UserError for too few texts to learn from.
    """
    images = pile.take(spread_places(len(pile), most))
    # No more images than `predict` looks at: over many of them small evidence adds up, and a
    # character that is much like another one, as O and 0 are, would be ruled out.
    sample = images.images[spread_places(len(images), SAMPLE)]
    fitted = fit_to_texts(reader, reader.logits(sample), length=length)
    readings = read_images(fitted.reader, images.images, progress=progress)
    usual, shown = fitted.length, fitted.characters
    # A rare character of these kinds may be there; one of another kind is misread.
    possible = set(of_same_kinds(shown or reader.charset.characters, reader.charset))
    sure = [
        place
        for place, reading in enumerate(readings)
        if reading.text
        and reading.confidence >= least
        and (usual is None or usual.fits(reading.text))
        and set(reading.text) <= possible
    ]
    if len(sure) < FEWEST:
        raise UserError(
            f"{len(sure)} of {len(images):,} texts that were read are sure (confidence {least:g}): "
            "too few to learn from; label some with captcha-ssl label, or take less sure ones too "
            "with --sure"
        )
    texts = [readings[place].text for place in sure]
    charset = reader.charset if shown is None else Charset.from_labels([*texts, shown])
    # What was left out of the pile is counted there.
    labeled = replace(images.take(sure), labels=texts, rejected=[])
    notes = list(fitted.notes)
    if len(sure) < _FEW * len(images):
        notes.append("few texts are sure, and their mistakes are learned too: labels help more")
    return SureTexts(labeled, charset, len(images), tuple(notes))
