#!/usr/bin/env bash
# Trains a version of the model that ships with the package again, and puts it in its place. Run it
# again to continue where it stopped.
# Usage: examples/train_shipped_model.sh FOLDER
#
# HEIGHT is the height of the images that this version reads: 48 (if absent) or 32; each needs a
# FOLDER of its own. The package reads with the ONNX file of 48.
# START is the model to continue from: shipped, a run, a file, or none to start with pretraining.
# COUNT, RANGES, PRETRAIN_STEPS and STEPS change how much is drawn and learned, SHIPPED where the
# model goes. PYTHON is the interpreter that has the package.
# With these Debian packages it learns from more fonts; without them, from those of its own
# dependencies (captcha_ssl/synthesis/more_fonts.py lists the files):
#   fonts-liberation fonts-freefont-ttf fonts-sil-gentium-basic fonts-open-sans fonts-lato
#   fonts-roboto-unhinted fonts-linuxlibertine fonts-crosextra-carlito fonts-crosextra-caladea
#   fonts-comfortaa fonts-cantarell fonts-quicksand fonts-hack fonts-inconsolata
set -euo pipefail
out="${1:?usage: examples/train_shipped_model.sh FOLDER}"
start="${START:-shipped}" height="${HEIGHT:-48}"
count="${COUNT:-120000}" pretrain_steps="${PRETRAIN_STEPS:-500}" steps="${STEPS:-9000}"
case "$height" in 32 | 48) ;; *) echo "HEIGHT=$height: give 32 or 48" >&2 && exit 2 ;; esac
here="$(dirname "$0")"
shipped="${SHIPPED:-$here/../captcha_ssl/shipped}"
characters=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz

step() { printf '\n== %s\n' "$1" >&2; }

# draw FOLDER COUNT [OPTION …]: pictures of every style, at the size the model reads.
draw() {
  if [ -e "$1" ]; then return; fi
  captcha-ssl generate "$1" --count "$2" --style broad --length 4,4-6,3-8,3-12 --set kinds=0.65 \
    --charset "$characters" --height "$height" --width $((4 * height)) --channels 1 \
    --preview "$1.png" "${@:3}"
}

# learn PILE FROM TO STEPS [OPTION …]: fine-tune, and calibrate on a few that are held out.
learn() {
  captcha-ssl finetune "$1" --init-from "$2" --out "$3" --steps "$4" --batch-size 64 \
    --encoder small --set height="$height" --set warmup=0.03 --set elastic=0.3 --set blur=0.1 \
    --set checkpoint_every=500 --validation 0.01 --resume "${@:5}"
}

step "Render $count pictures, most of which keep to digits, to letters, to capitals, … as captchas do"
draw "$out/pile" "$count" --seed 101

if [ "$start" = none ]; then
  step "Pretrain an encoder on them without their labels"
  captcha-ssl pretrain "$out/pile" --out "$out/encoder" --encoder small --init-from none \
    --steps "$pretrain_steps" --set height="$height" --resume
  start="$out/encoder"
fi

step "Fine-tune a recognizer, from $start"
learn "$out/pile" "$start" "$out/reader" "$steps" --lr 1e-3 --head-lr 2e-3

step "Render more, and continue with those"
draw "$out/more" $((count * 5 / 3)) --length 4,4-6,3-8,3-10 --set kinds=0.7 --seed 202
learn "$out/more" "$out/reader" "$out/final" $((steps * 5 / 3)) --lr 1e-3 --head-lr 2e-3

# average RUN TO: keep what RUN has learned and what could be read before, both.
began="$start"
if [ "$start" = "$out/encoder" ]; then began="$out/reader"; fi
if [ "$began" = shipped ]; then began="$here/../captcha_ssl/shipped/model-$height.safetensors"; fi
average() {
  "${PYTHON:-python}" "$here/average_models.py" "$2" "$1=0.6" "$began=0.4"
}

step "Average it with its start, and continue with new ones in which kinds are kept more often"
average "$out/final" "$out/average.safetensors"
draw "$out/kinds" $((count * 7 / 6)) --length 4,4-6,3-8,3-10 --set kinds=0.82 --seed 303
learn "$out/kinds" "$out/average.safetensors" "$out/later" $((steps * 7 / 9)) \
  --lr 6e-4 --head-lr 1.2e-3

step "Average once more, and finish slowly with mild views"
average "$out/later" "$out/average-2.safetensors"
learn "$out/kinds" "$out/average-2.safetensors" "$out/last" $((steps / 2)) \
  --lr 2e-4 --head-lr 4e-4 --set warmup=0.05 --set elastic=0 --set blur=0

step "Read 300 pictures of the captcha package's default style"
if [ ! -e "$out/classic" ]; then
  captcha-ssl generate "$out/classic" --style captcha --count 300 --length 4 --seed 1 \
    --charset "$characters" --format folder
fi
captcha-ssl evaluate "$out/last" "$out/classic" --out "$out/evaluation" | head -8

step "Put it into the package, for onnxruntime in 8 bits"
mkdir -p "$shipped"
# The faint and flattened ones of `broad` would widen the ranges for all the others.
draw "$out/ranges" "${RANGES:-1600}" --length 4-6 --set kinds=0 --seed 404 \
  --style classic,plain,smeared,rippled,dotted,hollow,wavy,gradual,cluttered
captcha-ssl export "$out/last" "$shipped/model-$height.onnx" --int8 "$out/ranges"
captcha-ssl export "$out/last" "$shipped/model-$height.safetensors"
