"""Kills: of the host, of a child. Nothing is skipped, order holds, repeats begin at the last checkpoint."""

import os
import random
import signal
import time

from lib import host as host_module
from lib import journal, leases, streams, wait

KILLS = 20
CHILD_KILL_EVERY_S = 2
CHILD_KILL_FOR_S = int(os.environ.get("KH_CHILD_KILL_S", "30"))


def test_the_host_killed_twenty_times_under_load(stream, start, app, notes, figure):
    seed = int(os.environ.get("KH_SEED", random.randrange(1 << 32)))
    print(f"repeat with KH_SEED={seed}")
    dice = random.Random(seed)
    # One name for all runs: as Java does, a worker takes back at once what is still in its name.
    app = {**app, "workerId": "the-one", "failoverTimeMillis": "3000"}
    environment = {"KH_CHECKPOINT": "40"}
    orphan_s = []
    with streams.Load(stream):
        for i in range(KILLS):
            known = notes.size()
            host = start(app, environment)
            if i % 4 != 0:  # else: at any moment of the start
                host.wait_for(lambda size=known: notes.size() > size, "records to flow")
            moment = time.monotonic() + dice.uniform(0, 1.2)
            wait.until(lambda m=moment: time.monotonic() >= m, "the moment", alive=host.why_over)
            host.kill()
            killed_at = time.monotonic()
            host.wait_no_children()
            orphan_s.append(time.monotonic() - killed_at)
    host = start(app, environment)
    host.wait_for(lambda: notes.seen() == stream.put_n, f"all {stream.put_n} records", 120)
    status, _ = host.terminate()
    assert status == 0
    sessions, repeats = journal.check_resumed(notes, stream)
    figure(f"{KILLS} kill -9 under load: {stream.put_n} records, {sessions} children, {repeats} repeated, "
           f"none skipped; last child gone at most {max(orphan_s):.2f} s later")


def test_a_child_killed_every_two_seconds(stream, start, app, notes, figure):
    victim = "shardId-000000000001"
    # Slow on each record, so that most kills come in the middle of a batch.
    host = start({**app, "childRestartMaxMillis": "2000"}, {"KH_CHECKPOINT": "7", "KH_RECORD_MS": "5"})
    host.wait_for(lambda: len(notes.shards()) == 4, "four children")
    kills = 0
    begun = time.monotonic()
    with streams.Load(stream):
        while time.monotonic() - begun < CHILD_KILL_FOR_S:
            due = begun + (kills + 1) * CHILD_KILL_EVERY_S
            wait.until(lambda d=due: time.monotonic() >= d, "the next kill", alive=host.why_over)
            pid = notes.sessions(victim)[-1].pid
            if host_module.alive(pid):
                os.kill(pid, signal.SIGKILL)
            kills += 1
    host.wait_for(lambda: notes.seen() == stream.put_n, f"all {stream.put_n} records", 120)
    status, _ = host.terminate()
    assert status == 0
    sessions, repeats = journal.check_resumed(notes, stream)
    assert len(notes.sessions(victim)) > 2
    for shard in set(stream.by_shard) - {victim}:
        (only,) = notes.sessions(shard)
        assert [(seq, data) for seq, data, _ in only.records] == stream.expected(shard)
    worst = max(longest_pause_s(notes, shard, begun) for shard in set(stream.by_shard) - {victim})
    figure(f"child killed {kills} times in {CHILD_KILL_FOR_S} s: {len(notes.sessions(victim))} children of its shard, "
           f"{repeats} records repeated, none skipped; other shards one child each, longest pause {worst:.2f} s")


def longest_pause_s(notes, shard, begun):
    at = [t for _, _, t in notes.records(shard) if t > begun]
    return max((b - a for a, b in zip(at, at[1:])), default=0)


def test_a_child_that_always_fails_leaves_the_others_alone(stream, start, app, notes, tmp_path):
    """Exits at its first batch, but only on one shard: the host goes on, starts it again ever less often."""
    wrapper = tmp_path / "fails_on_one.sh"
    wrapper.write_text("#!/bin/sh\n"
                       "read -r line\n"
                       "case $line in\n"
                       f"*shardId-000000000002*) date +%s.%N >> {tmp_path}/starts; exit 7 ;;\n"
                       "esac\n"
                       "{ printf '%s\\n' \"$line\"; cat; } | exec measure.py\n")
    wrapper.chmod(0o755)
    stream.put(2000)
    healthy = set(stream.by_shard) - {"shardId-000000000002"}
    want = sum(len(stream.by_shard[shard]) for shard in healthy)
    host = start({**app, "executableName": str(wrapper)})
    host.wait_for(lambda: notes.seen() == want, "the records of the healthy shards")
    host.wait_for(lambda: len(start_times(tmp_path)) >= 4, "four starts of the failing child")
    gaps = [b - a for a, b in zip(start_times(tmp_path), start_times(tmp_path)[1:])]
    assert gaps[2] > gaps[0]
    status, _ = host.terminate()
    assert status == 0
    assert notes.shards() == sorted(healthy)
    assert "7" in "".join(line for line in host.text().splitlines() if "shardId-000000000002" in line)


def start_times(folder):
    path = folder / "starts"
    return [float(t) for t in path.read_text().split()] if path.exists() else []


def test_noise_on_stdout_is_survived(stream, start, app, notes, tmp_path):
    """Prints of some library between the messages, and a line without end before them."""
    wrapper = tmp_path / "noisy.sh"
    wrapper.write_text("#!/bin/sh\n"
                       "echo 'plain text'; echo null; echo '{\"action\":\"unknown\"}'; echo '[1,2'\n"
                       "printf 'half a line'\n"
                       "echo 'a note on stderr' >&2\n"
                       "exec measure.py\n")
    wrapper.chmod(0o755)
    stream.put(400)
    host = start({**app, "executableName": str(wrapper)})
    host.wait_for(lambda: notes.seen() == 400, "all records")
    status, _ = host.terminate()
    assert status == 0
    journal.check_exactly_once(notes, stream)
    assert host.text().count("a note on stderr") == 4


def test_leases_of_a_killed_worker_are_taken_by_another(stream, start, app, notes, dynamodb, figure):
    """Another name, as after a restart with the default workerId: wait for the expiry, then go on."""
    app = {**app, "failoverTimeMillis": "3000"}
    stream.put(400)
    host = start({**app, "workerId": "first"})
    host.wait_for(lambda: notes.seen() == 400, "all records")
    host.kill()
    killed_at = time.monotonic()
    stream.put(400)
    second = start({**app, "workerId": "second"})
    second.wait_for(lambda: notes.seen() == 800, "the rest", 60)
    took = max(at for shard in notes.shards() for _, _, at in notes.records(shard)) - killed_at
    owners = leases.owners(dynamodb.client, app["applicationName"])
    assert set(owners.values()) == {"second"}
    second.terminate()
    journal.check_resumed(notes, stream)
    figure(f"kill -9, another worker id: its shards go on {took:.1f} s later (failoverTimeMillis 3000)")
