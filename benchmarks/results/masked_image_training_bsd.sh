#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Masked image training against the same network without masks, on real photographs: both begin with the same weights and see the same
# patches with the same noise (gaussian:15) for the same number of steps, on BSDS500 (train and test; val contains the test set). Then both
# denoise CBSD68 and McMaster under the noise of the training and others that neither has seen; prints a table for each set.
# Usage: benchmarks/results/masked_image_training_bsd.sh OUT [STEPS]    needs TACET_DATA and build/release (examples); goes on where it
# was stopped. Each network trains on one thread, both at once. The networks have two blocks in each group, a third of the released size.
set -euo pipefail
out=${1:?where to write} steps=${2:-14000}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${TACET_EXAMPLES:-$here/../../build/release/examples}
data=${TACET_DATA:?names the folder of test data}
noises=(gaussian:15,50 scaled_poisson:2,3.5 speckle:0.024,0.04 salt_pepper:0.002,0.02 correlated_gaussian:40,60 mixture:2,4 jpeg:10,30)
mkdir -p "$out"

# train NAME OPTION...: one network, its averaged weights at the end in OUT/NAME.pth, its processor time in OUT/NAME.seconds.
train() {
    local name=$1 start=$SECONDS
    shift
    "$bin/masked_train" --train "$data/bsds500/train" "$data/bsds500/test" --valid "$data/mcmaster" --noise gaussian:15 \
        --valid-noise gaussian:15 scaled_poisson:3.5 speckle:0.04 salt_pepper:0.02 correlated_gaussian:60 mixture:4 \
        --valid-every $(((steps + 19) / 20)) --no-valid-raw --save-every $(((steps + 19) / 20)) \
        --net.depths 2 2 2 2 --batch 4 --crop 64 --steps "$steps" --seed 1 --threads 1 \
        --adam.rate 4e-4 --clip 1 --schedule.kind cosine --schedule.floor 0.02 \
        "$@" --output "$out/$name" --export-pytorch "$out/$name.pth" > "$out/$name.log" 2>&1
    [[ -e $out/$name.seconds ]] || echo $((SECONDS - start)) > "$out/$name.seconds"
}

train masked & masked=$!
train baseline --input-mask off --no-net.use-mask & baseline=$!
wait "$masked"
wait "$baseline"
for set in cbsd68 mcmaster; do
    [[ -e $out/$set/report.html ]] || "$bin/generalisation" "$data/$set" --weights "$out/baseline.pth" "$out/masked.pth" \
        --label baseline masked --attention-mask off 75 --noise "${noises[@]}" --seed 1 --output "$out/$set" > "$out/$set.log" 2>&1
    echo "$set"
    python3 -B "$here/generalisation_table.py" "$out/$set/generalisation.csv"
done
