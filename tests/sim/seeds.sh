#!/bin/sh
# What `make check` runs of the simulator: every scenario over the first 200 seeds.
exec ./tests/sim/run --seeds 1-200
