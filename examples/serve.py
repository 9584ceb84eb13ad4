"""Use it to read images for other programs: a small HTTP service with one batch endpoint.

Install and start it, with the model that ships with the package or one of your own:

    pip install captcha-ssl fastapi uvicorn python-multipart
    MODEL=runs/reader uvicorn --app-dir examples serve:app --host 127.0.0.1 --port 8000

    curl -F images=@a.png -F images=@b.png http://127.0.0.1:8000/read

It has no users and no passwords: let it listen to this machine or behind a proxy that has.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, File, Request, UploadFile
from starlette.responses import JSONResponse, Response

from captcha_ssl.data.image import ImageError, read_image
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.text_reader import read_images

MOST_IMAGES = int(os.environ.get("MOST_IMAGES", "64"))
MOST_BYTES = int(os.environ.get("MOST_BYTES", str(16 << 20)))  # of a whole request

model = os.environ.get("MODEL")
reader = open_reader(Path(model) if model else None, os.environ.get("DEVICE", "auto"))
app = FastAPI(title="captcha-ssl")


@app.middleware("http")
async def refuse_what_is_too_large(request: Request, answer: Any) -> Response:
    """A request must say how large it is, before any of it is read."""
    length = request.headers.get("content-length", "")
    if request.method == "POST" and not length.isdecimal():
        return JSONResponse({"error": "send a content-length"}, 411)
    if length and int(length) > MOST_BYTES:
        return JSONResponse({"error": f"more than {MOST_BYTES:,} bytes; send fewer images"}, 413)
    return await answer(request)


@app.get("/health")
def health() -> dict[str, Any]:
    """What is read here."""
    return {"characters": reader.charset.characters, "images": str(reader.geometry)}


@app.post("/read")
def read(images: Annotated[list[UploadFile], File()]) -> Any:
    """The text of each image in order, with confidences; or why it could not be read."""
    if len(images) > MOST_IMAGES:
        return JSONResponse({"error": f"more than {MOST_IMAGES} images; send fewer"}, 413)
    answers: list[dict[str, Any]] = [{"name": image.filename} for image in images]
    fitted: list[tuple[int, np.ndarray]] = []
    for place, image in enumerate(images):
        try:
            pixels = read_image(image.file.read(), name=image.filename or "image")
            fitted.append((place, reader.geometry.fit(pixels)))
        except ImageError as error:
            answers[place]["error"] = error.reason
    if fitted:
        readings = read_images(reader, np.stack([pixels for _, pixels in fitted]))
        for (place, _), reading in zip(fitted, readings, strict=True):
            answers[place] |= {
                "text": reading.text,
                "confidence": reading.confidence,
                "char_confidences": reading.char_confidences,
            }
    return answers
