"""Looks at the tables several times a second: who owns what and who leads, and that nothing in them goes backwards."""

import threading
import time

from lib import leases


def progress(row):
    """(counter, checkpoint) as numbers that may only grow."""
    checkpoint = leases.text(row, "checkpoint")
    return (int(leases.text(row, "leaseCounter")),
            float("inf") if checkpoint == "SHARD_END" else int(checkpoint) if checkpoint.isdigit() else -1)


class Watch:
    def __init__(self, dynamodb, table):
        self.dynamodb, self.table = dynamodb, table
        self.begun_at = time.monotonic()
        self.rows = {}
        self.changes = [(0.0, {})]  # (seconds, {shard: owner}), one each time that an owner changed
        self.handed = set()  # (shard, from, to): each hand-off of KCL 3.x that was seen under way
        self.leaders = []  # of KCL 3.x, one after the other
        self.problems = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self.ended.wait(0.1):
                self._look(leases.leases(self.dynamodb, self.table))
                leader = self.leader()
                if leader and leader != (self.leaders or [None])[-1]:
                    self.leaders.append(leader)
        except Exception as e:  # pylint: disable=broad-except; shown by the test
            self.problems.append(f"the watch ended: {e!r}")

    def _look(self, rows):
        for key, row in rows.items():
            for name, was, now in zip(("leaseCounter", "checkpoint"), progress(self.rows.get(key, row)), progress(row)):
                if now < was:
                    self.problems.append(f"{key}: {name} went back from {was} to {now}")
            if "checkpointOwner" in row:
                self.handed.add((key, leases.text(row, "checkpointOwner"), leases.text(row, "leaseOwner")))
        self.rows = rows
        owners = {key: leases.text(rows[key], "leaseOwner") for key in sorted(rows)}
        if owners != self.changes[-1][1]:
            self.changes.append((time.monotonic() - self.begun_at, owners))

    def state_item(self, kind, key, value):
        """From one of the tables that KCL 3.0 to 3.4 keep beside the lease table, or None."""
        table = f"{self.table}-{kind}"
        if not leases.exists(self.dynamodb, table):
            return None
        return self.dynamodb.get_item(TableName=table, Key={key: {"S": value}}, ConsistentRead=True).get("Item")

    def leader(self):
        """Who holds the lock of a 3.x fleet, or None."""
        item = self.state_item("CoordinatorState", "key", "Leader")
        return item and item["ownerName"]["S"]

    def owners(self):
        """{shard: owner} of what is still to be read."""
        return {key: leases.text(row, "leaseOwner") for key, row in self.rows.items()
                if leases.text(row, "checkpoint") != "SHARD_END"}

    def owned(self, *owners):
        """How many open leases they own between them."""
        return sum(owner in owners for owner in self.owners().values())

    def __str__(self):
        return "\n".join(f"{at:7.1f} s: " + " ".join(f"{key[-2:]}:{owner or '-'}" for key, owner in owners.items())
                         for at, owners in self.changes[1:])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(30)
