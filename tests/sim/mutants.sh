#!/bin/sh
# Puts each deliberate bug of tests/sim/mutants into a copy of the core, builds the simulator with it, and
# plays seeds until a checker stops it. A bug that no checker finds is a failure of the simulator. A
# rare one names the seeds to play itself, in a line "Seeds: A-B" of its patch.
#
#   tests/sim/mutants.sh [NAME…]
set -u
src=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cc=${CC:-cc}
flags="-std=gnu11 -O1 -D_GNU_SOURCE -Isrc"
seeds=${SEEDS:-1-400}
status=0

objects() { # DIR FILE…: of the core, in DIR
    dir=$1
    shift
    for file in "$@"; do
        (cd "$dir" && $cc $flags -c "$file" -o "$(basename "$file" .c).o") || return 1
    done
}

mkdir "$work/common" "$work/clean"
cp -r "$src/src" "$work/clean/src"
# All that no deliberate bug touches is built once: the simulator, base, and the core as it is.
for file in "$src"/tests/sim/*.c "$src"/src/base/*.c; do
    case $file in */scale*.c) continue ;; esac
    (cd "$src" && $cc $flags -c "$file" -o "$work/common/$(basename "$file" .c).o") || exit 1
done
(cd "$work/clean" && objects . src/core/*.c) || exit 1
for patch in "$src"/tests/sim/mutants/*.patch; do
    name=$(basename "$patch" .patch)
    case " $* " in
    "  " | *" $name "*) ;;
    *) continue ;;
    esac
    rm -rf "$work/mutant"
    cp -r "$work/clean" "$work/mutant"
    if ! (cd "$work/mutant" && patch -s -F3 -p1 <"$patch" && find . -name '*.rej' | grep -q . && exit 1
        objects . $(sed -n 's|^+++ b/||p' "$patch") && $cc ./*.o "$work"/common/*.o -o run) 2>"$work/log"; then
        echo "FAILED $name: does not apply or build; see below"
        cat "$work/log"
        status=1
        continue
    fi
    line=$("$work/mutant/run" --seeds "$(own=$(sed -n "s/^Seeds: //p" "$patch"); echo "${own:-$seeds}")" 2>&1 | grep '^FAILED')
    if [ -n "$line" ]; then
        echo "caught $name by ${line#FAILED }"
    else
        echo "FAILED $name: no checker found it in seeds $seeds"
        status=1
    fi
done
exit $status
