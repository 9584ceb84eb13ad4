"""A recognizer in an ONNX file, run by onnxruntime: it starts five times faster than torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from captcha_ssl.data.charset import Charset
from captcha_ssl.errors import UserError
from captcha_ssl.memory import raise_if_memory
from captcha_ssl.models.model_card import KEY, parse_card
from captcha_ssl.models.shipped import FOLDER
from captcha_ssl.recognition.reading.onnx_providers import CPU, provider_of
from captcha_ssl.recognition.reading.text_length import length_of
from captcha_ssl.recognition.reading.text_reader import finite
from captcha_ssl.utf8_path import utf8_path

ONNX_FILE_NAME = "model.onnx"
INPUT, OUTPUT = "images", "logits"
_ENDS = {INPUT: "tensor(uint8)", OUTPUT: "tensor(float)"}
MOST_BYTES = 1 << 28
"""The largest model file in bytes: the largest network takes 18 MB."""


class OnnxReader:
    """Reads with the model file `path`; threads may share it.

    On the CPU it takes one core. `device` is a name of `PROVIDERS`, as `cuda:1`, or auto. Raises
    UserError when onnxruntime cannot compute there, or the file is missing, damaged, or no
    recognizer of ours.
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        self.path, self._session = path, _open(path, device)
        try:
            stored = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: its description is not UTF-8; export it again") from error
        card = parse_card(path, stored)
        if card.charset is None:
            raise UserError(f"{path}: an encoder, not a recognizer; finetune it first")
        self.card, self.charset, self.geometry = card, Charset(card.charset), card.geometry
        self.calibration, self.length = card.calibration, length_of(card)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] → finite float32 [N, T, K], class 0 the blank.

        Raises UserError for answers of another shape, DivergedError for logits that are not finite.
        """
        try:
            answer = self._session.run([OUTPUT], {INPUT: images})[0]
        except Exception as error:  # onnxruntime's own exceptions have no common base
            raise_if_memory(error)
            raise UserError(f"{self.path}: its network does not fit its description") from error
        frames = range(1, images.shape[3] + 1)
        if not (
            isinstance(answer, np.ndarray)
            and answer.dtype == np.float32
            and answer.ndim == 3
            and (answer.shape[0], answer.shape[2]) == (len(images), self.charset.num_classes)
            and answer.shape[1] in frames
        ):
            shape = getattr(answer, "shape", type(answer).__name__)
            raise UserError(
                f"{self.path}: gives {shape} for {len(images)} images, not a class for each "
                "character; export it again"
            )
        return finite(answer, self.path)


def _open(path: Path, device: str) -> onnxruntime.InferenceSession:
    provider, chosen = provider_of(device)
    if not path.is_file():
        raise UserError(f"{path}: no such file; make it with captcha-ssl export MODEL {path.name}")
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path}: too large for a model (over {MOST_BYTES:,} bytes)")
    if path.parent != FOLDER:
        # Imports onnx, which takes a tenth of a second; what came with the package needs no check.
        from captcha_ssl.recognition.reading.onnx_graph import check_graph

        check_graph(path)
    options = onnxruntime.SessionOptions()
    # Parallel batches use the cores better than one batch on several threads.
    options.intra_op_num_threads = 1
    # Errors are exceptions; the other log messages do not help users.
    options.log_severity_level = 4
    try:
        with utf8_path(path) as plain:
            # The CPU computes operations that the provider lacks.
            providers = [(provider, chosen), *([CPU] if provider != CPU else [])]
            session = onnxruntime.InferenceSession(plain, options, providers=providers)
        ends = {end.name: end.type for end in (*session.get_inputs(), *session.get_outputs())}
    except Exception as error:  # onnxruntime's own exceptions have no common base
        raise_if_memory(error)
        raise UserError(f"{path}: not a readable ONNX file; export it again") from error
    # If a provider does not start, onnxruntime silently uses the CPU.
    if session.get_providers()[0] != provider:
        raise UserError(
            f"--device {device}: {provider} does not start on this machine; use --device cpu"
        )
    if ends != _ENDS:
        raise UserError(f"{path}: takes and gives {ends}, no recognizer of ours; export it again")
    return session
