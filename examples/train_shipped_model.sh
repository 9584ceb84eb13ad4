#!/usr/bin/env bash
# Makes the model that ships with the package, and puts it in its place. Goes on where it stopped.
# Usage: examples/train_shipped_model.sh FOLDER
#
# COUNT, PRETRAIN_STEPS, STEPS and SHIPPED change how much is drawn and learnt and where it goes.
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

step "Render $count pictures of every style"
if [ ! -e "$out/pile" ]; then
  captcha-ssl generate "$out/pile" --style broad --count "$count" --length 4,3-8 \
    --charset "$characters" --height 32 --width 96 --channels 1 --preview "$out/pile.png"
fi

step "Pretrain an encoder on them without their labels"
captcha-ssl pretrain "$out/pile" --out "$out/encoder" --encoder small --steps "$pretrain_steps" \
  --resume

step "Fine-tune the recogniser, and calibrate it on 1% that is held out"
captcha-ssl finetune "$out/pile" --out "$out/reader" --init-from "$out/encoder" \
  --steps "$steps" --batch-size 64 --lr 2e-3 --validation 0.01 \
  --set warmup=0.03 --set elastic=0.3 --set blur=0.1 --set checkpoint_every=1000 --resume

step "Read 300 pictures of the captcha package's default style"
if [ ! -e "$out/classic" ]; then
  captcha-ssl generate "$out/classic" --style classic --count 300 --length 4 --seed 1 \
    --charset "$characters" --format folder
fi
captcha-ssl evaluate "$out/reader" "$out/classic" --out "$out/evaluation" | head -8

step "Put it into the package"
mkdir -p "$shipped"
captcha-ssl export "$out/reader" "$shipped/model.onnx"
cp "$out/reader/model.safetensors" "$shipped/model.safetensors"
