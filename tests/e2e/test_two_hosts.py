"""Two kcl-hosts on one lease table."""

import signal
import time
from collections import Counter

from lib import journal, leases, streams

FAILOVER_MS = 3000


def both(start, app):
    app = {**app, "failoverTimeMillis": str(FAILOVER_MS)}
    first = start({**app, "workerId": "first"})
    return first, app


def shares(dynamodb, app):
    return Counter(leases.owners(dynamodb.client, app["applicationName"]).values())


def overlaps_s(notes, stream):
    """For each hand-over: seconds from a new child's initialize to the last record that the old one still saw."""
    found = []
    for shard in stream.by_shard:
        sessions = notes.sessions(shard)
        for old, new in zip(sessions, sessions[1:]):
            late = [at for _, _, at in old.records if at > new.at]
            found.append(max(late) - new.at if late else 0.0)
    return found


def test_two_workers_share_and_take_over(stream, start, app, notes, dynamodb, figure):
    first, app = both(start, app)
    first.wait_for(lambda: len(notes.shards()) == 4, "four children")
    with streams.Load(stream):
        second = start({**app, "workerId": "second"})
        joined_at = time.monotonic()
        second.wait_for(lambda: shares(dynamodb, app) == {"first": 2, "second": 2}, "two shards each", 90)
        shared_s = time.monotonic() - joined_at
        mark = stream.put_n
        second.wait_for(lambda: notes.seen() > mark + 200, "records to flow", 60)

        status, _ = first.terminate()
        assert status == 0
        stopped_at = time.monotonic()
        second.wait_for(lambda: shares(dynamodb, app) == {"second": 4}, "the other to take over", 60)
        taken_s = time.monotonic() - stopped_at
        mark = stream.put_n
        second.wait_for(lambda: notes.seen() > mark + 200, "records to flow", 60)

        third = start({**app, "workerId": "third"})
        third.wait_for(lambda: shares(dynamodb, app) == {"second": 2, "third": 2}, "two shards each", 90)
        third.wait_for(lambda: len(third.children()) == 2, "its children")
        second.kill()
        killed_at = time.monotonic()
        third.wait_for(lambda: shares(dynamodb, app) == {"third": 4}, "the survivor to take over", 60)
        survived_s = time.monotonic() - killed_at
    third.wait_for(lambda: notes.seen() == stream.put_n, f"all {stream.put_n} records", 60)
    third.terminate()
    # While a lease changes hands between living workers the old one may finish what it has, but not checkpoint it.
    sessions, repeats = journal.check_resumed(notes, stream, overlap_allowed=True)
    overlap_s = max(overlaps_s(notes, stream))
    check_no_checkpoint_after_handover(notes, stream)
    assert overlap_s <= FAILOVER_MS / 1000
    figure(f"two hosts: shared after {shared_s:.1f} s, taken over {taken_s:.1f} s after a stop, {survived_s:.1f} s "
           f"after kill -9 (failover {FAILOVER_MS} ms); {stream.put_n} records, {sessions} children, "
           f"{repeats} repeated, longest overlap at a hand-over {overlap_s:.2f} s")


def check_no_checkpoint_after_handover(notes, stream):
    """Once a new child was initialised, the old one's checkpoints are refused."""
    for shard in stream.by_shard:
        newest = None
        for line in notes.lines(shard):
            if line["event"] == "initialize":
                newest = line["pid"]
            assert line["event"] != "checkpoint.done" or line["pid"] == newest, f"{shard}: {line}"


def test_a_frozen_worker_gives_up_what_others_took(stream, start, app, notes, dynamodb, figure):
    """SIGSTOP past the failover, as a paused machine: what it still holds in its hands must not be checkpointed."""
    first, app = both(start, app)
    stream.put(400)
    first.wait_for(lambda: notes.seen() == 400, "all records")
    first.signal(signal.SIGSTOP)
    second = start({**app, "workerId": "second"})
    second.wait_for(lambda: shares(dynamodb, app) == {"second": 4}, "the other to take over", 60)
    first.signal(signal.SIGCONT)
    stream.put(400)
    second.wait_for(lambda: notes.seen() == 800, "the rest", 60)
    first.wait_for(lambda: shares(dynamodb, app) == {"first": 2, "second": 2}, "two shards each again", 90)
    assert second.terminate()[0] == 0
    assert first.terminate()[0] == 0
    journal.check_resumed(notes, stream, overlap_allowed=True)
    check_no_checkpoint_after_handover(notes, stream)
    lost = [s for shard in stream.by_shard for s in notes.sessions(shard) if s.saw("leaseLost")]
    figure(f"frozen past its leases: {len(lost)} children were told leaseLost, nothing checkpointed by the old owner")
