#!/bin/sh
# Plays each script without dice and compares its whole transcript with tests/sim/transcripts/NAME.txt.
# UPDATE=1 writes the files anew: review the diff.
set -u
dir=${KH_SRCDIR:-.}/tests/sim/transcripts
new=$(mktemp -d) || exit 1
trap 'rm -rf "$new"' EXIT
status=0
for file in "$dir"/*.txt; do
    name=$(basename "$file" .txt)
    ./tests/sim/run --script "$name" >"$new/$name" || status=1
    if [ "${UPDATE:-}" = 1 ]; then
        cp "$new/$name" "$file"
    elif ! diff -u "$file" "$new/$name"; then
        echo "$name: not as expected; UPDATE=1 tests/sim/transcripts.sh accepts it" >&2
        status=1
    fi
done
exit $status
