#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Noisy targets against clean targets on real photographs: trains both for the same number of steps with three seeds on BSDS500 (train and
# test; val contains the test set), denoises CBSD68 with sigma 25, and prints a table.
# Usage: benchmarks/results/noise2noise_bsd.sh OUT [STEPS [THREADS]]    needs TACET_DATA and build/release (examples)
set -euo pipefail
out=${1:?where to write} steps=${2:-2500} threads=${3:-0}
bin=${TACET_EXAMPLES:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../build/release/examples" && pwd)}
data=${TACET_DATA:?names the folder of test data}
mkdir -p "$out"
noisy=$out/noisy
[[ -d $noisy ]] || "$bin/add_noise" --noise gaussian:25 --seed 1 --pfm "$data/cbsd68" --output "$noisy"
"$bin/evaluate" --reference "$data/cbsd68" --images "$noisy" --best-blur --json | tail -n 1 > "$out/noisy.json"
for seed in 1 2 3; do
    for arm in noisy clean; do
        run=$out/$arm-$seed
        targets=()
        [[ $arm == clean ]] && targets=(--clean-targets)
        start=$SECONDS
        "$bin/noise2noise_train" --train "$data/bsds500/train" "$data/bsds500/test" --valid "$data/mcmaster" --noise gaussian:25 \
            --width 16 --crop 128 --batch 2 --steps "$steps" --valid-every $((steps / 4)) --adam.rate 1e-3 --clip 0.5 \
            --schedule.fraction 0.6 --seed "$seed" --threads "$threads" "${targets[@]}" --output "$run"
        [[ -e $run/seconds ]] || echo $((SECONDS - start)) > "$run/seconds"
        [[ -d $run/denoised ]] || "$bin/denoise" --weights "$run/best.safetensors" "$noisy" --output "$run/denoised" > /dev/null
        "$bin/evaluate" --reference "$data/cbsd68" --images "$run/denoised" --json | tail -n 1 > "$run/cbsd68.json"
        echo "$arm targets, seed $seed: $(cat "$run/cbsd68.json") in $(cat "$run/seconds") s"
    done
done
