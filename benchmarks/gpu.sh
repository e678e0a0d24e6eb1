#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds, tests and measures on a machine with a GPU and without a network: see --help and docs/benchmarks_gpu.md.
exec python3 -B "$(dirname "${BASH_SOURCE[0]}")/gpu/gpu.py" "$@"
