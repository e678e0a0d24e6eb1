#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds tacet, trains a small denoiser without clean data, and denoises a picture with it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/packages.sh
source "$root/scripts/packages.sh"

usage() {
    cat << 'END'
Usage: ./quickstart.sh [--noise SPEC] [--out DIR] [IMAGE]

Trains a small Noise2Noise network on generated pictures (about a minute on two cores), then denoises IMAGE (PNG or JPEG, any size)
and writes the result, a montage and report.html into DIR (default: quickstart).

  IMAGE          the picture to denoise, as it is: nothing is added (default: a generated picture with gaussian:25)
  --noise SPEC   add this noise to IMAGE first, such as gaussian:25 or poisson:30, and report how well it is removed
  --out DIR      folder of the results

The last line on stdout is a JSON object with the paths and, when noise was added, the figures. Missing Debian packages are
installed when this runs as root, and named otherwise.
END
}

for argument in "$@"; do
    if [[ $argument == --help || $argument == -h ]]; then usage; exit 0; fi
done

packages_require g++ cmake make libstb-dev nlohmann-json3-dev
log=$root/build/logs/quickstart.log
mkdir -p "$root/build/logs"
echo "Building (about a minute; log: build/logs/quickstart.log)" >&2
if ! (cd "$root" && cmake --preset release && cmake --build --preset release -j "$(nproc)" --target example_quickstart) > "$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "quickstart.sh: the build failed, see $log" >&2
    exit 1
fi
exec "$root/build/release/examples/quickstart" "$@"
