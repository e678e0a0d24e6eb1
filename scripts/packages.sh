# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For quickstart.sh and test.sh (source it): finds out which of the packages that they need are missing, and installs them with apt-get
# when it may. The names are those of Debian 12; Ubuntu 24.04 has the same ones, which is untested.
#
#   packages_require PACKAGE...   must be there: installs what is missing, or names it and ends the script
#   packages_want PACKAGE...      may be missing: installs what it can; the rest is named, and left in the array packages_missing

packages_missing=()

# Whether what a package brings is there, from wherever it comes.
packages_has() {
    case $1 in
        clang-19) command -v clang++-19 > /dev/null ;;
        libclang-rt-19-dev) compgen -G '/usr/lib/llvm-19/lib/clang/19/lib/*/*' > /dev/null ;;
        g++-aarch64-linux-gnu) command -v aarch64-linux-gnu-g++ > /dev/null ;;
        qemu-user) command -v qemu-aarch64 > /dev/null ;;
        libstb-dev) packages_header stb/stb_image_write.h ;;
        nlohmann-json3-dev) packages_header nlohmann/json.hpp ;;
        catch2) packages_header catch2/catch.hpp || packages_header catch2/catch_all.hpp ;;
        libpng-dev) packages_header png.h ;;
        libtiff-dev) packages_header tiffio.h ;;
        libjpeg-dev) packages_header jpeglib.h ;;
        libbenchmark-dev) packages_header benchmark/benchmark.h ;;
        *) command -v "$1" > /dev/null ;;
    esac
}

packages_header() {
    local folder
    for folder in /usr/include /usr/local/include /usr/include/*-linux-gnu; do
        [[ -e $folder/$1 ]] && return
    done
    return 1
}

# Sets packages_missing to those that are missing, and installs them if this user may.
packages_install() {
    local package
    packages_missing=()
    for package in "$@"; do
        packages_has "$package" || packages_missing+=("$package")
    done
    ((${#packages_missing[@]})) || return 0
    command -v apt-get > /dev/null && ((EUID == 0)) || return 0
    echo "Installing with apt-get: ${packages_missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    # Lists can be old or empty: try with them, then with new ones.
    apt-get install -y -qq --no-install-recommends "${packages_missing[@]}" > /dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages_missing[@]}"; } > /dev/null || true
    packages_missing=()
    for package in "$@"; do
        packages_has "$package" || packages_missing+=("$package")
    done
}

# How a person installs what is missing.
packages_advice() {
    if command -v apt-get > /dev/null; then
        if ((EUID == 0)); then
            echo "apt-get could not install them; try: apt-get update && apt-get install $*"
        else
            echo "Install them with: sudo apt-get install $*"
        fi
    else
        echo "This is neither Debian nor Ubuntu (no apt-get): install what these packages contain by your system's means."
    fi
}

packages_require() {
    packages_install "$@"
    ((${#packages_missing[@]})) || return 0
    {
        echo "Missing: ${packages_missing[*]}"
        packages_advice "${packages_missing[@]}"
    } >&2
    exit 1
}

packages_want() {
    packages_install "$@"
    ((${#packages_missing[@]})) || return 0
    {
        echo "Missing, and not needed for everything: ${packages_missing[*]}"
        packages_advice "${packages_missing[@]}"
    } >&2
}
