#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Uses tacet from a stranger's project, which lies outside the source tree, in one of the documented ways.
#
#   consume.sh WAY SOURCE PREFIX CXX
#
# WAY: find_package, add_subdirectory, fetch_content, pkg_config, plain, io, cuda. SOURCE: the source tree. PREFIX: where it is installed.
set -euo pipefail

way=$1 source=$2 prefix=$3 cxx=$4
here=$source/tests/install
expected='(2, 4, 4, 3) '   # what the program of main.cpp prints, before a number

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
project="$scratch/strange project"
mkdir "$project"
cd "$project"

skip() {
    echo "SKIPPED: $1"
    exit 77
}

# Configures and builds the project in $way/CMakeLists.txt; leaves the program as x.
build_with_cmake() {
    cp "$here/$way/CMakeLists.txt" .
    cmake -S . -B build -G 'Unix Makefiles' -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_PREFIX_PATH="$prefix" -DTACET_SOURCE="$source" \
        > configure.log 2>&1 || {
        cat configure.log
        return 1
    }
    cmake --build build
    cp build/program x
}

case $way in
    find_package | add_subdirectory | fetch_content)
        cp "$here/main.cpp" .
        build_with_cmake
        ;;
    io)
        cp "$here/io/main.cpp" .
        build_with_cmake
        ;;
    pkg_config)
        command -v pkg-config > /dev/null || skip 'pkg-config was not found'
        export PKG_CONFIG_PATH=$prefix/share/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
        version=$(sed -n 's/^#define TACET_VERSION "\(.*\)"$/\1/p' "$source/include/tacet/core/config.hpp")
        [[ $(pkg-config --modversion tacet) == "$version" ]]
        # shellcheck disable=SC2046  # several flags
        "$cxx" -std=c++20 "$here/main.cpp" -o x $(pkg-config --cflags --libs tacet)
        ;;
    plain)
        "$cxx" -std=c++20 -I "$source/include" -I "$source/cuda" "$here/main.cpp" -o x -pthread
        ;;
    cuda)
        # This installation is without CUDA: asking for it must fail, and say why.
        if output=$(build_with_cmake 2>&1); then
            echo "asking for a missing component was accepted: $output"
            exit 1
        fi
        if ! grep -q 'installed without CUDA' <<< "$(tr -s ' \n' ' ' <<< "$output")"; then
            echo "the error does not say what is wrong: $output"
            exit 1
        fi
        exit 0
        ;;
    *)
        echo "unknown way $way"
        exit 2
        ;;
esac

printed=$(env -u TACET_WEIGHTS ./x)
echo "$printed"
[[ $way == io ]] && expected="(2, 3, 3) $(realpath "$prefix")/share/tacet/weights/blind_gaussian.safetensors"
if [[ $printed != "$expected"* ]]; then
    echo "expected: $expected..."
    exit 1
fi
