#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same work here and in PyTorch and ONNX Runtime, on the same two cores, alternating: see --help and docs/benchmarks.md.
exec python3 -B "$(dirname "${BASH_SOURCE[0]}")/peers.py" "$@"
