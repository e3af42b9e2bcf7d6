#!/usr/bin/env bash
# Everything that a machine with a CUDA GPU and a pip PyTorch can tell, in one call without network: builds the binding, runs the
# engine's tests, trains the small model's recipe. A part that fails or takes too long does not stop the next one.
#   OUT=results scripts/gpu/all.sh
# Needs what build-and-test.sh and train-nano.sh need. NODE and INSTRUCTCV_DEVICE as there; LIMIT is the most seconds a part may take
# (default: 1800). Each part's output goes to $OUT/<part>.log, how it ended to $OUT/summary.txt, each stage's numbers and model to $OUT/<stage>.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${OUT:-gpu-results}
limit=${LIMIT:-1800}
mkdir -p "$out"
: > "$out/summary.txt"
failed=0

part() { # name, command...
  local name=$1 began=$SECONDS code=0
  shift
  timeout --kill-after 30 "$limit" "$@" > "$out/$name.log" 2>&1 || code=$?
  ((code == 0)) || failed=1
  echo "$name: exit $code after $((SECONDS - began)) s" | tee -a "$out/summary.txt"
}
part build-and-test "$here/build-and-test.sh"
part train-nano "$here/train-nano.sh" "$@"
grep -h "samples/s" "$out/train-nano.log" | tail -n 3
root=$here/../..
for stage in nano-recognition nano-64 nano; do # what a machine that is given back would take with it
  [[ -d $root/runs/$stage ]] || continue
  mkdir -p "$out/$stage"
  cp -r "$root/runs/$stage"/{config.yaml,run.json,metrics.jsonl,loss.svg,model} "$out/$stage/" 2> /dev/null
done
exit "$failed"
