#!/usr/bin/env bash
# On a machine with a CUDA GPU and a pip PyTorch: builds the binding against it and runs the training engine's tests there.
# Needs node_modules/, CMake and a C++ compiler, no network. NODE is a Node >= 20 binary (default: the one on the PATH),
# INSTRUCTCV_DEVICE the device (default: cuda).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

node=$(command -v "${NODE:-node}") || { echo "no Node at '${NODE:-node}': set NODE to a Node >= 20 binary" >&2; exit 1; }
"$node" scripts/setup.mjs

export INSTRUCTCV_DEVICE=${INSTRUCTCV_DEVICE:-cuda}
export NVIDIA_TF32_OVERRIDE=0            # goldens are float32; TF32 keeps ten bits
export CUBLAS_WORKSPACE_CONFIG=:4096:8   # cuBLAS gives the same bits each time only with a fixed workspace
exec "$node" node_modules/vitest/vitest.mjs run src/tensor/torch "$@"
