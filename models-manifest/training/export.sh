#!/usr/bin/env bash
# From a trained base in run/ to run/weights: every LoRA trained anew on it, one a core, then the whole pipeline as ONNX.
# ./export.sh [STEPS a LoRA]; then: node halve.ts run/weights ../demo
set -euo pipefail
cd "$(dirname "$0")"
steps=${1:-800} python=${PYTHON:-/usr/bin/python3}
cores=$(nproc --all)
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MALLOC_ARENA_MAX=1
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=268435456
printf '%s\n' pip zorp momo tuli bop nib knit riso papercut topo handheld brick |
  xargs -P "$cores" -I NAME "$python" train_lora.py run NAME --steps "$steps" --out run/weights/lora
"$python" export.py run run/weights
