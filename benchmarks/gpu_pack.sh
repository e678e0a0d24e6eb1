#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/packages.sh
source scripts/packages.sh

usage() {
    cat << 'END'
Usage: benchmarks/gpu_pack.sh

Gathers in build/gpu_pack, which git ignores, what a build with preset cuda needs besides nvcc, g++ and CMake: the headers of
stb, nlohmann-json and Catch2 (with its library, where it has one), and Google Benchmark as it is installed here. benchmarks/gpu.sh finds
it there, on a machine that has the checkout with this folder and no network. It holds at most 40 MB.

Missing Debian packages are installed when this runs as root, and named otherwise.
END
}

case ${1:-} in
    '') ;;
    --help | -h) usage; exit 0 ;;
    *) echo "gpu_pack.sh: unknown argument $1" >&2; usage >&2; exit 2 ;;
esac

pack=build/gpu_pack limit=40   # MB
packages=(libstb-dev nlohmann-json3-dev catch2 libbenchmark-dev)

# copy FILE...: into the pack, at the place that a file below /usr has there.
copy() {
    local file
    for file in "$@"; do
        [[ -f $file ]] || continue   # folders
        mkdir -p "$pack.new/$(dirname "${file#/usr/}")"
        cp -P "$file" "$pack.new/${file#/usr/}"
    done
}

packages_require "${packages[@]}"
command -v dpkg-query > /dev/null ||
    { echo "gpu_pack.sh: this is neither Debian nor Ubuntu (no dpkg-query): put a prefix with include/ and lib/cmake/ of stb," \
        "nlohmann-json, Catch2 and Google Benchmark into $pack by hand" >&2; exit 1; }

rm -rf "$pack.new"
for package in "${packages[@]}"; do
    echo "$package $(dpkg-query -W -f '${Version}' "$package" 2> /dev/null || true)"
    mapfile -t files < <(dpkg-query -L "$package" | grep -E '^/usr/(include|lib|share/cmake)/' | grep -vE '/libstb|/pkgconfig/')
    ((${#files[@]})) || { echo "gpu_pack.sh: $package is not installed as a package" >&2; exit 1; }
    copy "${files[@]}"
done
# That of Google Benchmark is a link to one that another package brings.
for library in /usr/lib/*/libbenchmark.so.*; do copy "$library"; done

size=$(du -sm "$pack.new" | cut -f 1)
((size <= limit)) || { echo "gpu_pack.sh: $size MB are more than the $limit that a checkout may bring along" >&2; exit 1; }
rm -rf "$pack"
mv "$pack.new" "$pack"
echo "$pack: $size MB"
