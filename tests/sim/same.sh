#!/bin/sh
# The same seed plays the same run: two transcripts of every scenario are the same byte for byte.
set -u
first=$(./tests/sim/run --seeds 1-2 --transcript | grep -v ' runs passed' | cksum)
second=$(./tests/sim/run --seeds 1-2 --transcript | grep -v ' runs passed' | cksum)
echo "first:  $first"
echo "second: $second"
# An empty transcript would be the same as well.
[ "$first" = "$second" ] && [ "${first#* }" -gt 1000000 ]
