"""Train a recognizer and read with it. Usage: python_api.py LABELED TEST RUN [STEPS]"""

import sys
from pathlib import Path

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.models.model_file import FILE_NAME
from captcha_ssl.recognition.evaluate import evaluate
from captcha_ssl.recognition.finetune import finetune
from captcha_ssl.recognition.reading import read_images
from captcha_ssl.recognition.settings import FinetuneSettings
from captcha_ssl.training.settings import LoopSettings, ModelSettings
from captcha_ssl.views.settings import gentle_views

labeled, test, run = map(Path, sys.argv[1:4])
steps = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
train = load_dataset(labeled, labeled=True)  # uint8 images [N, 1, 32, width], labels
charset = Charset.from_labels(train.labels)
settings = FinetuneSettings(steps=steps)  # init_from=Path("runs/encoder"): not from scratch
result = finetune(train, charset, settings, LoopSettings(), ModelSettings(), gentle_views())
held_out = load_dataset(test, labeled=True, geometry=train.geometry, charset=charset)
print(f"exact match {evaluate(result.recognizer, held_out).exact_match:.1%}", result.converged)
print(*(reading.text for reading in read_images(result.recognizer, held_out.images[:5])))
run.mkdir(parents=True)
result.recognizer.save(run / FILE_NAME, about={"steps": steps})  # for predict --model RUN
