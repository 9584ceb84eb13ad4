#!/usr/bin/env bash
# Use it in CI to check that an installation still reads. It renders digits and reads them with the
# model that came with the package, or with another one.
# Usage: examples/ci.sh FOLDER [MODEL]   (a folder that does not exist yet)
#
# Exits with 0 when at least RIGHT percent are read without an error, with 1 when fewer are, and with
# the code of captcha-ssl when a command fails: 2 for a mistake, 130 for an interruption.
set -euo pipefail
out="${1:?usage: examples/ci.sh FOLDER [MODEL]}"
count="${COUNT:-200}" right="${RIGHT:-90}"

captcha-ssl generate "$out" --count "$count" --charset 0123456789 --format folder --seed 7 --quiet

# predict exits with 1 when an image cannot be read or is less sure than asked for. That is no
# reason to stop here: their rows say so, and the others are as good.
captcha-ssl predict "$out/images" ${2:+--model "$2"} --charset 0123456789 --min-confidence 0.5 \
  --format tsv --quiet > "$out/read.tsv" || [ $? -eq 1 ]

wanted() { tail -n +2 "$out/labels.csv" | cut -d, -f2; }
read_as() { tail -n +2 "$out/read.tsv" | cut -f2; }
correct=$(paste <(wanted) <(read_as) | awk -F'\t' '$1 == $2' | wc -l)
doubtful=$(tail -n +2 "$out/read.tsv" | awk -F'\t' '$5 == 1' | wc -l)
echo "$correct of $count read without an error, $doubtful doubtful"
[ $((100 * correct)) -ge $((right * count)) ]
