#!/usr/bin/env bash
# Use it to pretrain on all GPUs of this machine, or on a number of processes.
# Usage: examples/torchrun.sh DATA RUN [PROCESSES|gpu] [OPTION …]
#
# The batch is shared out among the processes: its size must be a multiple of their number.
set -euo pipefail
data="${1:?usage: examples/torchrun.sh DATA RUN [PROCESSES|gpu] [OPTION …]}"
run="${2:?usage: examples/torchrun.sh DATA RUN [PROCESSES|gpu] [OPTION …]}"
exec torchrun --standalone --nproc-per-node "${3:-gpu}" \
  -m captcha_ssl pretrain "$data" --out "$run" --batch-size 256 "${@:4}"
