"""Three kcl-hosts and twelve shards: who joins, stops or dies, and how long a shard rests then.

The goals are asserted with room for a crowded machine; tests/bench/fleet gives the figures themselves. `-m long` runs
the variants that take minutes.
"""

import signal

import pytest

from lib import fleet as fleet_module, journal, streams, wait

SHARDS_N = 12
JOIN_S = 5.0
STOP_S = 1.5
KILL_S = {10000: 12.0, 3000: 4.5}
SLACK = 3  # as in test_timing.py


@pytest.fixture
def stream(kinesis, name):
    return streams.Stream(kinesis.client, name, SHARDS_N)


@pytest.fixture
def fleet(start, app, dynamodb, notes, stream):
    return fleet_module.Fleet(start, app, dynamodb, notes, stream)


def told(values):
    return (f"median {fleet_module.percentile(values, 50):.2f} s, p99 {fleet_module.percentile(values, 99):.2f} s, "
            f"{len(values)} shards")


def check_joining(stream, fleet, figure, watched_s):
    with streams.Load(stream):
        joined_s = fleet.join_third()
        fleet.watch_rest(watched_s)
    figure(f"three hosts: 4/4/4 {joined_s:.1f} s after the third was started (goal {JOIN_S} s), no owner change in "
           f"{watched_s} s")
    fleet.finish()
    journal.check_exactly_once(fleet.notes, stream)
    assert joined_s < JOIN_S * SLACK * wait.PATIENCE


def test_a_third_gets_its_share_and_then_nothing_moves(stream, fleet, figure):
    check_joining(stream, fleet, figure, 30)


@pytest.mark.long
def test_a_third_gets_its_share_and_then_nothing_moves_for_minutes(stream, fleet, figure):
    check_joining(stream, fleet, figure, 300)


def replace_each(stream, fleet, number, rounds):
    with streams.Load(stream):
        fleet.assemble()
        rested_s = fleet.replace_each(number, rounds)
    fleet.finish()
    return rested_s


def check_stops(stream, fleet, figure, rounds):
    rested_s = replace_each(stream, fleet, signal.SIGTERM, rounds)
    figure(f"SIGTERM of one of three: the first record reaches the next child after {told(rested_s)} (goal p99 "
           f"{STOP_S} s)")
    journal.check_exactly_once(fleet.notes, stream)
    assert fleet_module.percentile(rested_s, 50) < STOP_S * SLACK * wait.PATIENCE


def test_shards_of_a_stopped_worker_go_on_at_once(stream, fleet, figure):
    check_stops(stream, fleet, figure, 3)


@pytest.mark.long
def test_shards_of_a_stopped_worker_go_on_at_once_many_times(stream, fleet, figure):
    check_stops(stream, fleet, figure, 25)


def check_kills(stream, fleet, figure, failover_ms, rounds):
    fleet.app["failoverTimeMillis"] = str(failover_ms)
    rested_s = replace_each(stream, fleet, signal.SIGKILL, rounds)
    figure(f"SIGKILL of one of three, failoverTimeMillis {failover_ms}: the first record reaches the next child after "
           f"{told(rested_s)} (goal {KILL_S[failover_ms]} s)")
    journal.check_resumed(fleet.notes, stream)
    assert fleet_module.percentile(rested_s, 50) < KILL_S[failover_ms] * SLACK * wait.PATIENCE


@pytest.mark.parametrize("failover_ms", KILL_S)
def test_shards_of_a_killed_worker_go_on_after_the_failover(failover_ms, stream, fleet, figure):
    check_kills(stream, fleet, figure, failover_ms, 1)


@pytest.mark.long
@pytest.mark.parametrize("failover_ms", KILL_S)
def test_shards_of_a_killed_worker_go_on_after_the_failover_many_times(failover_ms, stream, fleet, figure):
    check_kills(stream, fleet, figure, failover_ms, 10)


def check_rolling_restart(stream, fleet, figure, rounds):
    """The processor checkpoints only when it is asked to shut down: what is read twice or never, shows."""
    fleet.environment["KH_CHECKPOINT"] = "never"
    rested_s = replace_each(stream, fleet, signal.SIGTERM, 3 * rounds)
    journal.check_exactly_once(fleet.notes, stream)
    figure(f"rolling restart of three, {rounds} times: {stream.put_n} records, 0 repeated, 0 missing; rested "
           f"{told(rested_s)}")


def test_a_rolling_restart_repeats_and_loses_nothing(stream, fleet, figure):
    check_rolling_restart(stream, fleet, figure, 1)


@pytest.mark.long
def test_rolling_restarts_repeat_and_lose_nothing(stream, fleet, figure):
    check_rolling_restart(stream, fleet, figure, 5)
