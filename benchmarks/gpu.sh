#!/usr/bin/env bash
# What a GPU is needed for, within 8 minutes on a bare machine with PyTorch: tests, loops, the quick tier.
#
#     OUT=folder bash benchmarks/gpu.sh
#
# Each part has a time limit of its own; one that fails or is cut off leaves its log and does not stop the others. Tables
# come into $OUT/performance.md, beside what docs/performance.md says of other machines.
set -uo pipefail
cd "$(dirname "$0")/.."
OUT=${OUT:-results/gpu}
PYTHON=${PYTHON:-python3}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
cp docs/performance.md "$OUT/" 2>/dev/null
export PYTHONPATH=$PWD PATH=$(dirname "$(command -v "$PYTHON")"):$PATH
export CUBLAS_WORKSPACE_CONFIG=:4096:8

part() {  # name, seconds, command
    local name=$1 limit=$2 start=$SECONDS status=0
    shift 2
    timeout "$limit" "$@" >"$OUT/$name.log" 2>&1 || status=$?
    echo "$name: exit status $status after $((SECONDS - start)) s of at most $limit" | tee -a "$OUT/summary.txt"
}

: >"$OUT/summary.txt"
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | tee -a "$OUT/summary.txt"
"$PYTHON" -c 'import torch; print(torch.__version__, torch.cuda.is_available())' | tee -a "$OUT/summary.txt"
part tests 80 "$PYTHON" -m pytest -q -p no:cacheprovider tests/unit -k cuda
part bench 200 "$PYTHON" benchmarks/bench.py --device cuda --target-rounds 1 --starts 3 --output "$OUT/performance.md"
part quick 190 "$PYTHON" benchmarks/tiers.py --tier quick --cores "$(nproc)" --output "$OUT/performance.md"
cat "$OUT/summary.txt"
