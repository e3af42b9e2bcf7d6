#!/usr/bin/env bash
# Trains the shipped model's two stages on a CUDA GPU: corpus-nano/ in, runs/nano-64/ and runs/nano/ out.
#   scripts/gpu/train-nano.sh [MINUTES_AT_64_PX] [MINUTES_AT_96_PX]
# Needs node_modules/, dist/ (npm run build), corpus-nano/, CMake, a C++ compiler and a pip PyTorch with CUDA; no network. NODE is a
# Node >= 20 binary (default: the one on the PATH), INSTRUCTCV_DEVICE the device (default: cuda). bfloat16 is used on a GPU only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

node=$(command -v "${NODE:-node}") || { echo "no Node at '${NODE:-node}': set NODE to a Node >= 20 binary" >&2; exit 1; }
device=${INSTRUCTCV_DEVICE:-cuda}
dtype=bfloat16
[[ $device == cpu ]] && dtype=float32
"$node" scripts/setup.mjs

stage() { # name, minutes
  mkdir -p runs
  sed -e "s/^duration:.*/duration: { minutes: $2 }/" \
      -e "s/^compute:.*/compute: { dtype: $dtype, device: \"$device\" }/" "configs/$1.yaml" > "runs/$1.gpu.yaml"
  "$node" dist/cli/main.js train --config "runs/$1.gpu.yaml" --out "runs/$1"
}
stage nano-64 "${1:-12}"
stage nano "${2:-6}"
