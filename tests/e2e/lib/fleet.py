"""Several kcl-hosts on one lease table, and how long a shard rests when it changes hands.

All times are of one clock: journals and tests read the same monotonic one.
"""

import signal
import time
from collections import Counter

from . import leases, wait

TENTH_S = 0.1


class Fleet:
    """start is the fixture of that name, or what does the same; app the properties all of them share."""

    def __init__(self, start, app, dynamodb, notes, stream):
        self.start, self.app, self.dynamodb, self.notes, self.stream = start, app, dynamodb, notes, stream
        self.shards = sorted(shard["ShardId"] for shard in stream.shards())
        self.environment = {}
        self.hosts = {}  # worker id -> Host, the living ones
        self.begun_n = 0

    def add(self):
        """One more; returns its worker id."""
        self.begun_n += 1
        worker = f"worker-{self.begun_n}"
        self.hosts[worker] = self.start({**self.app, "workerId": worker}, self.environment)
        return worker

    def rows(self):
        return leases.leases(self.dynamodb.client, self.app["applicationName"])

    def owned_by(self, worker):
        return sorted(key for key, item in self.rows().items() if leases.text(item, "leaseOwner") == worker)

    def generation(self):
        """Changes when a lease changes hands, even if it came back meanwhile."""
        return {key: (leases.text(item, "leaseOwner"), leases.text(item, "checkpointOwner"),
                      len([1 for line in self.notes.lines(key) if line["event"] == "initialize"]))
                for key, item in self.rows().items()}

    def is_balanced(self):
        rows = self.rows()
        shares = Counter(leases.text(item, "leaseOwner") for item in rows.values())
        resting = all("checkpointOwner" not in item for item in rows.values())
        return (len(rows) == len(self.shards) and resting and set(shares) == set(self.hosts)
                and max(shares.values()) - min(shares.values()) <= 1)

    def why_over(self):
        return next((f"{worker}: {why}" for worker, host in self.hosts.items() if (why := host.why_over())), None)

    def wait_balanced(self, limit_s=60):
        """Returns when it was, to the next look."""
        wait.until(self.is_balanced, f"{len(self.hosts)} workers to share {len(self.shards)} leases", limit_s,
                   TENTH_S / 2, self.why_over)
        return time.monotonic()

    def wait_flowing(self, limit_s=60):
        """A record from each shard that was read from now on."""
        self.first_records(self.shards, time.monotonic(), (), limit_s)

    def first_records(self, shards, since, other_than, limit_s=60):
        """{shard: seconds from `since` to its first record after it, by a child that is not one of other_than}."""
        found = {}

        def look():
            for shard in shards:
                if shard not in found:
                    at = next((line["at"] for line in reversed_until(self.notes.lines(shard), since)
                               if line["event"] == "record" and line["pid"] not in other_than), None)
                    if at is not None:
                        found[shard] = at - since
            return len(found) == len(shards)
        wait.until(look, f"records from each of {shards}", limit_s, TENTH_S / 4, self.why_over)
        return found

    def remove(self, worker, number, limit_s=60):
        """Signal a worker; returns for each shard it had the seconds until a child of another one got a record."""
        host = self.hosts.pop(worker)
        shards = self.owned_by(worker)
        old = set(host.children())
        begun = time.monotonic()
        host.signal(number)
        found = self.first_records(shards, begun, old, limit_s)
        if number == signal.SIGKILL:
            host.process.wait()
            host.wait_no_children()  # they see the end of their input
        else:
            assert host.wait_exit() == 0
        return list(found.values())

    def stop_all(self):
        """Ask all of them to stop, one after the other."""
        for host in self.hosts.values():
            assert host.terminate()[0] == 0
        self.hosts.clear()

    # What tests and measurements have in common, under load.

    def assemble(self, n=3):
        """Start n and wait until they share, and every shard is read."""
        for _ in range(n):
            self.add()
        self.wait_balanced()
        self.wait_flowing()

    def join_third(self):
        """Two share; returns the seconds from the start of a third to the moment when three do."""
        self.assemble(2)
        begun = time.monotonic()
        self.add()
        joined_s = self.wait_balanced() - begun
        self.wait_flowing()
        return joined_s

    def watch_rest(self, seconds):
        """No lease changes hands."""
        before = self.generation()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.generation() == before
            assert self.why_over() is None
            time.sleep(1)  # the pace of looking

    def replace_each(self, number, rounds):
        """So often: the oldest worker gets the signal, and then another one comes for it. Returns all resting times."""
        rested_s = []
        for _ in range(rounds):
            rested_s += self.remove(next(iter(self.hosts)), number)
            self.add()
            self.wait_balanced()
            self.wait_flowing()
        return rested_s

    def finish(self):
        """The load is over: wait for all of it, and stop."""
        wait.until(lambda: self.notes.seen() == self.stream.put_n, f"all {self.stream.put_n} records", 60, TENTH_S,
                   self.why_over)
        self.stop_all()


def reversed_until(lines, since):
    """The lines not older than `since`, oldest first; lines are nearly in order, so the search begins at the end."""
    first = len(lines)
    while first > 0 and lines[first - 1]["at"] >= since - 1:
        first -= 1
    return (line for line in lines[first:] if line["at"] >= since)


def percentile(values, percent):
    """The smallest value that at least so many percent are not above."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
