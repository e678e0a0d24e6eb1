#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/packages.sh
source scripts/packages.sh

usage() {
    cat << 'END'
Usage: ./test.sh [--all] [--jobs N]

Builds the programs and the tests (in build/release) and runs the tests: at most 15 minutes on two cores.

  --all      also: with the address, undefined-behaviour and thread sanitizers (build/dev, build/tsan), with clang (build/clang, only
             the kernels optimised, for AVX2 where build/release is for AVX-512), for the other instruction sets that can run here
             (build/avx2, build/sse2, build/scalar, build/neon in an emulator), as an installed package, every header alone, the
             code of the documentation, train steps by nvcc where it is found, and the benchmarks: at most 50 minutes on two cores
  --jobs N   compile and test with N processes (default: one per core, 2 GB of memory for each)

Missing Debian packages are installed when this runs as root, and named otherwise. Tests of published data look for it in the folder
that the environment variable TACET_DATA names, or in ../shared/data. Logs: build/logs. The last line counts the tests.
END
}

all=false jobs=""
while (($#)); do
    case $1 in
        --all) all=true ;;
        --jobs)
            jobs=${2:-}
            [[ $jobs =~ ^[1-9][0-9]*$ ]] || { echo "--jobs takes a positive number" >&2; exit 2; }
            shift
            ;;
        --help | -h) usage; exit 0 ;;
        *) echo "unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

if [[ -z $jobs ]]; then
    jobs=$(nproc 2> /dev/null || echo 2)
    by_memory=$(awk '/^MemAvailable:/ { n = int($2 / 2097152); print n > 1 ? n : 1 }' /proc/meminfo 2> /dev/null || echo 2)
    ((jobs <= by_memory)) || jobs=$by_memory
fi
if [[ -z ${TACET_DATA:-} && -d ../shared/data ]]; then
    TACET_DATA=$(cd ../shared/data && pwd)
    export TACET_DATA
fi

logs=$PWD/build/logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0 finished=false

# The last line, whatever happens: a script that breaks off has failed.
finish() {
    local status=$?
    $finished || { echo "test.sh broke off (status $status)"; failed=$((failed + 1)); }
    echo "$(clock $SECONDS) in all"
    echo "$passed passed, $failed failed, $skipped skipped"
    ((failed == 0)) || exit 1
}
trap finish EXIT

clock() { printf '%2d:%02d' $(($1 / 60)) $(($1 % 60)); }

# skip REASON: counts one test that cannot run here.
skip() {
    echo "    skipped: $1"
    skipped=$((skipped + 1))
}

# run LOG COMMAND...: runs a command with its output in a file; on a terminal shows how far it is.
run() {
    local log=$1 pid status=0
    shift
    "$@" > "$log" 2>&1 < /dev/null &
    pid=$!
    if [[ -t 1 ]]; then
        while kill -0 "$pid" 2> /dev/null; do
            printf '\r\033[K%s  %s' "$(clock $SECONDS)" "$stage $(grep -aoE '^(\[ *[0-9]+%\]| *[0-9]+/[0-9]+ Test)' "$log" | tail -n 1)"
            sleep 1
        done
        printf '\r\033[K'
    fi
    wait "$pid" || status=$?
    return "$status"
}

# build PRESET TARGETS [CMAKE OPTION...]: configures and builds. What cannot be built counts as one failure.
build() {
    local preset=$1 targets=$2 start=$SECONDS log=$logs/$1-build.log
    shift 2
    stage="build $preset"
    # shellcheck disable=SC2086  # targets is a list
    if run "$logs/$preset-configure.log" cmake --preset "$preset" "$@" &&
        run "$log" cmake --build --preset "$preset" -j "$jobs" --target $targets -- -k; then
        echo "$(clock $((SECONDS - start)))  $stage"
        return 0
    fi
    [[ -s $log && $log -nt $logs/$preset-configure.log ]] || log=$logs/$preset-configure.log
    echo "$(clock $((SECONDS - start)))  $stage: FAILED ($log)"
    { grep -nE 'rror:' "$log" | head -n 20 || true; tail -n 10 "$log"; } | cut -c 1-200
    failed=$((failed + 1))
    return 1
}

# check NAME PRESET [CTEST OPTION...]: runs tests of a built preset and counts them.
check() {
    local name=$1 preset=$2 start=$SECONDS log=$logs/$1-tests.log report=$logs/$1-tests.xml counts sums
    shift 2
    stage="test $name"
    rm -f "$report"
    run "$log" "${wrapper[@]}" ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-tests=error \
        --test-output-size-passed 1000000 --test-output-size-failed 1000000 --output-junit "$report" "$@" || true
    if ! counts=$(python3 scripts/count_tests.py "$report" 2> "$logs/$name-count.log"); then
        echo "$(clock $((SECONDS - start)))  $stage: FAILED ($log)"
        tail -n 20 "$log"
        failed=$((failed + 1))
        return 0
    fi
    read -ra sums <<< "$counts"
    passed=$((passed + sums[0])) failed=$((failed + sums[1])) skipped=$((skipped + sums[2]))
    echo "$(clock $((SECONDS - start)))  $stage: ${sums[0]} passed, ${sums[1]} failed, ${sums[2]} skipped"
    cat "$logs/$name-count.log"
    if ((sums[1])); then echo "    all of it: $log"; fi
}

# isa_of PRESET: the instruction set that a built preset is for.
isa_of() {
    "build/$1/examples/quickstart" --version 2> /dev/null | sed -nE 's/.*, isa ([a-z0-9]+),.*/\1/p' || true
}

# instruction_set NAME: builds and runs what depends on the instruction set with the preset NAME, or says why not.
instruction_set() {
    local name=$1 reason="" options=() tested=""
    if [[ $name == "$(isa_of dev)" ]]; then tested=dev; fi
    if [[ $name == "$by_clang" ]]; then tested=clang; fi
    if [[ -n $tested ]]; then
        echo "       $name is the instruction set of build/$tested: tested above but for the instructions themselves"
        options=(-DTACET_TEST_FOLDERS=kernels)
    fi
    case $name in
        "$native") echo "       $name is the instruction set of build/release: tested above"; return ;;
        avx512) runs_here avx512f avx512bw avx512dq avx512vl || reason="this processor has no AVX-512" ;;
        avx2) runs_here avx2 fma || reason="this processor has no AVX2" ;;
        sse2) runs_here sse2 || reason="this is no x86-64 processor" ;;
        neon)
            command -v aarch64-linux-gnu-g++ > /dev/null && command -v qemu-aarch64 > /dev/null || return 0   # counted as missing packages
            [[ -e /usr/include/catch2/catch.hpp ]] || reason="Catch2 3 is a library for this processor alone; version 2 is headers"
            ;;
    esac
    if [[ -n $reason ]]; then
        skip "instruction set $name: $reason"
    elif build "$name" tests "${options[@]}"; then
        check "$name" "$name"
    fi
}

# runs_here FLAG...: whether the processor has all of these, in the words of /proc/cpuinfo.
runs_here() {
    local flag
    for flag in "$@"; do grep -qsw "$flag" /proc/cpuinfo || return 1; done
}

wrapper=(env)   # what runs the tests

packages_require g++ cmake make libstb-dev nlohmann-json3-dev catch2 python3
packages_want pkg-config libpng-dev libtiff-dev libjpeg-dev libbenchmark-dev
for package in "${packages_missing[@]}"; do skip "$package is missing"; done
if $all; then
    packages_want clang-19 libclang-rt-19-dev g++-aarch64-linux-gnu qemu-user
    for package in "${packages_missing[@]}"; do skip "$package is missing"; done
fi
SECONDS=0   # installing packages is not part of the time

targets='examples tests'
if $all; then targets='all tests'; fi   # benchmarks, too
build release "$targets" || true
check release release -LE 'install|docs|headers|nvcc|benchmarks'
if $all; then
    check install release -L install
    check headers release -L headers
    check benchmarks release -L benchmarks
    listed=$(ctest --test-dir build/release -N -L docs)   # not through a pipe: what ends it early breaks the other side off
    if [[ $listed == *Test*#* ]]; then check docs release -L docs; fi
    check nvcc release -L nvcc
    build dev 'all tests' || true
    check dev dev -LE 'install|docs|static|nvcc'
    build tsan tests || true
    # The thread sanitizer of g++ 12 cannot map its memory where addresses are randomised widely: run without that.
    if setarch -R true 2> /dev/null; then wrapper=(setarch -R); fi
    check tsan tsan -L threads
    wrapper=(env)
    native=$(isa_of release) by_clang=""
    if command -v clang++-19 > /dev/null; then
        options=() isa=""
        if [[ $native == avx512 ]]; then isa=avx2 options=(-DCMAKE_CXX_FLAGS=-march=x86-64-v3); fi
        if build clang tests "${options[@]}"; then by_clang=$isa; fi
        check clang clang -LE 'install|docs|headers'
    fi
    for name in avx512 avx2 sse2 scalar neon; do instruction_set "$name"; done
fi
finished=true
