#!/usr/bin/env bash
# Draws the pictures of docs/methods.md, what every method sees of the same rendered images, and
# the three that README.md reads.
# Usage: docs/pictures/draw.sh [FOLDER]   (where to put them; beside this script if not given)
set -euo pipefail
out="${1:-$(dirname "$0")}"
images="$(mktemp -d)"
trap 'rm -rf "$images"' EXIT
captcha-ssl generate "$images/pile" --count 3 --seed 3 --quiet > /dev/null

draw() { # NAME OPTION …
  captcha-ssl pretrain "$images/pile" --preview "$out/views-$1.png" --device cpu --quiet "${@:2}"
}
for method in simclr dig rotation jigsaw patch-location autoencoder gan; do
  draw "$method" --method "$method" --set channels=3
done
draw colorization --method colorization --set channels=3
draw denoising --method autoencoder --set variant=denoising --set channels=3
draw window --instances window --set channels=3
draw frame --instances frame --set channels=3

image() { # NAME OPTION …
  captcha-ssl generate "$images/$1" --count 1 --format folder --quiet "${@:2}" > /dev/null
  cp "$images/$1/images/00000.png" "$out/read-$1.png"
}
image captcha --style classic --length 5 --seed 5
image meter --style meter --length 6 --charset 0123456789 --width 200 --seed 7
image plate --style plate --length 7 --width 220 --seed 9
