#!/usr/bin/env bash
# Use it to see the whole path once: from nothing to a recognizer, with the proof that the unlabeled
# images helped.
# Usage: examples/demo.sh FOLDER   (a folder that does not exist yet)
set -euo pipefail
out="${1:?usage: examples/demo.sh FOLDER}"
labels=200

step() { printf '\n== %s\n' "$1"; }

step "Render a pile of captchas: 36 characters, 4 in each image"
captcha-ssl generate "$out/pile" --count 12000 --channels 1 --seed 0
captcha-ssl check-data "$out/pile" --sheet "$out/pile.png"

step "Pretrain on the pile without its labels; fine-tune on $labels labels with and without that"
captcha-ssl benchmark "$out/pile" --label-counts $labels --out "$out/benchmark" > "$out/table.txt"

step "Fine-tune one more recognizer from the pretrained encoder, for use"
captcha-ssl finetune "$out/pile" --labels $labels --init-from "$out/benchmark/pretrained/simclr" \
  --steps 600 --lr 1e-3 --out "$out/reader"

step "Evaluate it on 1,000 new captchas"
captcha-ssl generate "$out/new" --count 1000 --channels 1 --seed 1 --format folder
captcha-ssl evaluate "$out/reader" "$out/new" --out "$out/evaluation" > "$out/evaluation.txt"
head -6 "$out/evaluation.txt"

step "Supervised against self-supervised, on test images that no training saw"
cat "$out/table.txt"
echo "report and plot: $out/benchmark/report.md, $out/benchmark/accuracy-labels.png"

step "Read one image"
image="$out/new/images/00007.png"
truth=$(sed -n 's/^00007.png,//p' "$out/new/labels.csv")
echo "$image: $(captcha-ssl predict "$image" --model "$out/reader" --quiet) (rendered from $truth)"
