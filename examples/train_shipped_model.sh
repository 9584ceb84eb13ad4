#!/usr/bin/env bash
# Makes the model that ships with the package, and puts it in its place. Goes on where it stopped.
# Usage: examples/train_shipped_model.sh FOLDER
#
# COUNT, PRETRAIN_STEPS, STEPS and SHIPPED change how much is drawn and learned and where it goes.
# With these Debian packages it learns from more fonts; without them, from those of its own
# dependencies (captcha_ssl/synthesis/more_fonts.py lists the files):
#   fonts-liberation fonts-freefont-ttf fonts-sil-gentium-basic fonts-open-sans fonts-lato
#   fonts-roboto-unhinted fonts-linuxlibertine fonts-crosextra-carlito fonts-crosextra-caladea
#   fonts-comfortaa fonts-cantarell fonts-quicksand fonts-hack fonts-inconsolata
set -euo pipefail
out="${1:?usage: examples/train_shipped_model.sh FOLDER}"
count="${COUNT:-300000}" pretrain_steps="${PRETRAIN_STEPS:-500}" steps="${STEPS:-30000}"
shipped="${SHIPPED:-$(dirname "$0")/../captcha_ssl/shipped}"
characters=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz

step() { printf '\n== %s\n' "$1" >&2; }

# draw FOLDER COUNT [OPTION …]: pictures of every style, at the size the model reads.
draw() {
  if [ -e "$1" ]; then return; fi
  captcha-ssl generate "$1" --count "$2" --style broad --length 4,3-8 --charset "$characters" \
    --height 32 --width 96 --channels 1 --preview "$1.png" "${@:3}"
}

# learn PILE FROM TO [OPTION …]: fine-tune, and calibrate on a few that are held out.
learn() {
  captcha-ssl finetune "$1" --init-from "$2" --out "$3" --steps "$steps" --batch-size 64 \
    --set warmup=0.03 --set elastic=0.3 --set blur=0.1 --set checkpoint_every=1000 --resume "${@:4}"
}

step "Render $count pictures, every character as likely"
draw "$out/pile" "$count"

step "Pretrain an encoder on them without their labels"
captcha-ssl pretrain "$out/pile" --out "$out/encoder" --encoder small --steps "$pretrain_steps" \
  --resume

step "Fine-tune a recognizer"
learn "$out/pile" "$out/encoder" "$out/reader" --lr 2e-3 --validation 0.01

step "Render more, most of which keep to digits, to letters, to capitals, … as captchas do"
draw "$out/kinds" $((count * 4 / 3)) --set kinds=0.6 --seed 5

step "Go on with those"
learn "$out/kinds" "$out/reader" "$out/final" --lr 1.5e-3 --head-lr 3e-3 --validation 0.0075

step "Go on with new ones, more slowly"
draw "$out/more" "$count" --set kinds=0.6 --seed 11
learn "$out/more" "$out/final" "$out/last" --lr 1e-3 --head-lr 2e-3 --validation 0.01 \
  --steps $((steps * 4 / 5))

step "Read 300 pictures of the captcha package's default style"
if [ ! -e "$out/classic" ]; then
  captcha-ssl generate "$out/classic" --style classic --count 300 --length 4 --seed 1 \
    --charset "$characters" --format folder
fi
captcha-ssl evaluate "$out/last" "$out/classic" --out "$out/evaluation" | head -8

step "Put it into the package, for onnxruntime in 8 bits"
mkdir -p "$shipped"
captcha-ssl export "$out/last" "$shipped/model.onnx" --int8 "$out/more"
captcha-ssl export "$out/last" "$shipped/model.safetensors"
