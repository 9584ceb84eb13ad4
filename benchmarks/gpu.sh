#!/usr/bin/env bash
# What captcha-ssl does on a CUDA device: how fast it is, and whether it computes what it does on the
# CPU, in less than five minutes; with --case whether pretraining helps there too, in less than nine.
#
#   bash benchmarks/gpu.sh            prints a table, and writes JSON to $OUT
#   bash benchmarks/gpu.sh --case     the preset paper at 500 labels, with 1 and 4 million images seen
#   bash benchmarks/gpu.sh --small    the same in seconds on the CPU, to see that it runs
#
# OUT is a temporary folder if it is not set. What was measured there is not measured again. A step
# that takes too long is ended, and what it has measured by then is kept.
# On a machine without a network, WHEELS=folder names the wheels of what it lacks:
#   pip download --no-deps -d folder -c constraints.txt captcha lmdb tomli-w typer matplotlib rich …
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
python="${PYTHON:-python3}"
venv="${VENV:-build/gpu-venv}"
needed="captcha cv2 lmdb matplotlib numpy PIL pydantic rich safetensors tomli_w torch typer"

fail() { echo "gpu.sh: $1" >&2; exit 2; }

missing() { # the packages of $needed that the interpreter $1 does not have
  # shellcheck disable=SC2086
  "$1" -c 'import sys, importlib.util as u; print(*[n for n in sys.argv[1:] if not u.find_spec(n)])' \
    $needed
}

install() { # into a virtual environment that uses what the interpreter has
  [ -x "$venv/bin/python" ] || "$python" -m venv --system-site-packages "$venv" || return
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 0 -e .
}

command -v "$python" >/dev/null || fail "missing: $python; set PYTHON"
absent="$(missing "$python")"
if [ -n "$absent" ] && [ -n "${WHEELS:-}" ]; then
  compgen -G "$WHEELS/*.whl" >/dev/null || fail "no wheels in $WHEELS; missing: $absent"
  packages="$(mktemp -d)"
  trap 'rm -rf "$packages"' EXIT
  "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps \
    --target "$packages" "$WHEELS"/*.whl >&2 || fail "the wheels in $WHEELS could not be installed"
  export PYTHONPATH="$packages:$PYTHONPATH"
  absent="$(missing "$python")"
  [ -z "$absent" ] || fail "missing: $absent; $WHEELS has no wheel of it"
fi
if [ -n "$absent" ]; then
  echo "gpu.sh: $python lacks $absent; installing into $venv" >&2
  install >&2 || fail "missing: $absent; they could not be installed into $venv"
  python="$venv/bin/python"
  absent="$(missing "$python")"
  [ -z "$absent" ] || fail "missing: $absent"
fi
if [ "${1:-}" != --small ]; then
  "$python" -c 'import torch; raise SystemExit(not torch.cuda.is_available())' ||
    fail "missing: a CUDA device that torch can use; --small runs on the CPU"
fi
"$python" -m benchmarks.gpu "$@"
