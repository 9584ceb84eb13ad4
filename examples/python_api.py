"""Use it to start a Python program that pretrains, fine-tunes and reads.

Usage: python_api.py IMAGES LABELED RUNS [STEPS]
"""

import sys
from pathlib import Path

import captcha_ssl

images, labeled, runs = map(Path, sys.argv[1:4])
steps = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
encoder = captcha_ssl.pretrain(images, runs / "encoder", steps=steps, batch_size=16)
print("encoder:", encoder.file, *encoder.findings)
result = captcha_ssl.finetune(
    labeled, runs / "reader", init_from=runs / "encoder", steps=steps, alignment=1.0
)
print("converged:", result.converged)
reader = captcha_ssl.Reader(runs / "reader")
for file in sorted(labeled.rglob("*.png"))[:5]:
    (reading,) = reader.read(file)
    print(file.name, reading.text, f"{reading.confidence:.2f}", reading.char_confidences)
