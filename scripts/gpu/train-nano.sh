#!/usr/bin/env bash
# Trains the shipped model's three stages on a CUDA GPU: corpus-nano/ in, runs/nano/model out.
#   scripts/gpu/train-nano.sh [MINUTES_RECOGNITION] [MINUTES_AT_64_PX] [MINUTES_AT_96_PX]
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
  printf 'extends: ../configs/%s.yaml\nduration: { minutes: %s }\ncompute: { dtype: %s, device: "%s" }\n' \
    "$1" "$2" "$dtype" "$device" > "runs/$1.gpu.yaml"
  "$node" dist/cli/main.js train --config "runs/$1.gpu.yaml" --out "runs/$1"
}
stage nano-recognition "${1:-3}"
stage nano-64 "${2:-10}"
stage nano "${3:-6}"
