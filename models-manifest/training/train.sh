#!/usr/bin/env bash
# Lets the base model's training go on from run/ on every core, resumable: ./train.sh MINUTES [PICTURES]
# Needs Python 3 with torch, numpy and Pillow (Debian: python3-torch python3-numpy python3-pil libopenblas0-pthread).
set -euo pipefail
cd "$(dirname "$0")"
minutes=${1:-45} pictures=${2:-11264} python=${PYTHON:-/usr/bin/python3}
# one thread a process; an allocator that keeps memory between steps (glibc gives it back and page-faults at every step)
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MALLOC_ARENA_MAX=1
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=268435456
[ -f run/base.pt ] || "$python" averages.py load weights run
mkdir -p run/data
data="run/data/base.npz run/data/invented.npz"
[ -f run/data/invented.npz ] || "$python" make_data.py run/data "$pictures" "$((pictures * 18 / 11))" 3456
"$python" -c "import sys, train_base; train_base.latents('run', sys.argv[1:])" $data
export WORLD_SIZE MASTER_ADDR=127.0.0.1 MASTER_PORT=29511
WORLD_SIZE=$(nproc --all)   # plain nproc answers OMP_NUM_THREADS
for ((rank = WORLD_SIZE - 1; rank > 0; rank--)); do
  RANK=$rank "$python" train_base.py run --data $data --minutes "$minutes" --batch 16 &
done
RANK=0 exec "$python" train_base.py run --data $data --minutes "$minutes" --batch 16
