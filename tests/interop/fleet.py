"""Workers of both kinds on one lease table: started, stopped and killed by name."""

import signal
import time

from lib import java, leases, wait

FAILOVER_MS = 5000
RENEW_MS = FAILOVER_MS // 3 - 25  # as Java computes it

# Short periods, so that the test is short; but nothing that a fleet would not survive with.
PROPERTIES = {"failoverTimeMillis": str(FAILOVER_MS), "parentShardPollIntervalMillis": "1000",
              "idleTimeBetweenReadsInMillis": "250"}
# Java sleeps so long after its first look at the shards, a minute by default.
JAVA_PROPERTIES = {"shardSyncIntervalMillis": "1000", "shutdownGraceMillis": "5000",
                   "leaseAssignmentIntervalMillis": str(FAILOVER_MS)}


class Fleet:
    """What it starts ends with the test: it is a context manager."""

    def __init__(self, parts, folder, app, start, java_version):
        self.parts, self.folder, self.java_version = parts, folder, java_version
        self.app = {**app, **PROPERTIES}
        self.start = start
        self.workers = {}  # name -> Host, also after its end
        self.kinds = {}  # name -> "java" or "kcl-host"
        self.ended = set()  # those that were told to

    def say(self, text):
        print(f"{time.monotonic() - self.watch.begun_at:6.1f} s: {text}", flush=True)

    def _join(self, name, kind, worker):
        self.say(f"{name} starts")
        self.workers[name] = worker
        self.kinds[name] = kind
        return worker

    def join_java(self, name):
        return self._join(name, "java", java.JavaDaemon(
            self.parts, self.folder, {**self.app, **JAVA_PROPERTIES, "workerId": name},
            {"KH_JOURNAL": str(self.folder / "journal"), "KH_WORKER": name}, self.java_version))

    def join_host(self, name):
        return self._join(name, "kcl-host", self.start({**self.app, "workerId": name}, {"KH_WORKER": name}))

    def stop(self, name):
        """SIGTERM, and wait for the end."""
        self.say(f"{name} is stopped")
        self.ended.add(name)
        status, _ = self.workers[name].terminate(60)
        assert status == (0 if self.kinds[name] == "kcl-host" else 128 + signal.SIGTERM), f"{name}: {status}"

    def kill(self, name):
        self.say(f"{name} is killed")
        self.ended.add(name)
        self.workers[name].kill()

    def leader(self):
        """Who holds the lock of a 3.x fleet, or None."""
        table = f"{self.table}-CoordinatorState"
        if not leases.exists(self.dynamodb, table):
            return None
        item = self.dynamodb.get_item(TableName=table, Key={"key": {"S": "Leader"}}, ConsistentRead=True).get("Item")
        return item and item["ownerName"]["S"]

    def why_over(self):
        for name, worker in self.workers.items():
            if name not in self.ended and worker.why_over():
                return worker.why_over()
        return None

    def until(self, condition, what, limit_s=120):
        return wait.until(condition, what, limit_s, 0.2, self.why_over)

    def of_kind(self, kind):
        return [name for name, its in self.kinds.items() if its == kind]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers.values():
            worker.clean_up()
