"""Workers of both kinds on one lease table: started, stopped and killed by name, watched, and waited for."""

import signal
import time
from dataclasses import dataclass
from pathlib import Path

from lib import java, parts, wait

from watch import Watch

FAILOVER_MS = 5000
RENEW_MS = FAILOVER_MS // 3 - 25  # as Java computes it
JAVA_ROUND_S = 2 * (FAILOVER_MS + 25) / 1000  # of the 2.x taker; the leader of 3.x looks twice as often

# Short periods, so that the test is short; but nothing that a fleet would not survive with.
PROPERTIES = {"failoverTimeMillis": str(FAILOVER_MS), "parentShardPollIntervalMillis": "1000",
              "idleTimeBetweenReadsInMillis": "250", "leaseAssignmentIntervalMillis": str(FAILOVER_MS),
              "workerMetricsReporterFreqInMillis": str(FAILOVER_MS)}
# Java sleeps so long after its first look at the shards, a minute by default.
JAVA_PROPERTIES = {"shardSyncIntervalMillis": "1000", "shutdownGraceMillis": "5000"}


@dataclass
class Java:
    """Which Java, and what it needs to start."""
    parts: parts.Parts
    folder: Path
    version: str
    properties: dict

    def start(self, properties, environment):
        return java.JavaDaemon(self.parts, self.folder, {**properties, **JAVA_PROPERTIES, **self.properties},
                               {"KH_JOURNAL": str(self.folder / "journal"), **environment}, self.version)


class Fleet:
    """Its watch begins, and the Java daemons that it starts end, with its `with` block."""

    def __init__(self, stream, notes, dynamodb, app):
        self.stream, self.notes, self.dynamodb = stream, notes, dynamodb
        self.table = app["applicationName"]
        self.app = {**app, **PROPERTIES}
        self.start_host = self.java = None
        self.workers = {}  # name -> Host, also after its end
        self.kinds = {}  # name -> "java" or "kcl-host"
        self.ended = set()  # those that were told to
        self.watch = Watch(dynamodb, self.table)

    def say(self, text):
        """For those who read along (pytest -s), or look for what went wrong."""
        print(f"{time.monotonic() - self.watch.begun_at:6.1f} s: {text}", flush=True)

    def join_java(self, name):
        self.say(f"{name} starts")
        self.workers[name] = self.java.start({**self.app, "workerId": name}, {"KH_WORKER": name})
        self.kinds[name] = "java"

    def join_host(self, name):
        self.say(f"{name} starts")
        self.workers[name] = self.start_host({**self.app, "workerId": name}, {"KH_WORKER": name})
        self.kinds[name] = "kcl-host"

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

    def running(self):
        return [name for name in self.workers if name not in self.ended]

    def of_kind(self, kind):
        return [name for name, its in self.kinds.items() if its == kind]

    def until(self, condition, what):
        """The limit is only there to end a test that has failed; a Java that starts on a busy machine needs minutes."""
        wait.until(condition, what, 300, 0.2, lambda: next(
            (why for name in self.running() if (why := self.workers[name].why_over())), None))
        self.say(f"done: {what}")

    def settle(self):
        """Everything put until now is processed."""
        mark = self.stream.put_n
        self.until(lambda: self.notes.seen() >= mark, f"{mark} records to be processed")

    def owns(self, name, least=1):
        self.until(lambda: self.watch.owned(name) >= least, f"{name} to own {least} open leases or more")

    def gone(self, name):
        self.until(lambda: None not in self.watch.owners().values() and self.watch.owned(name) == 0,
                   f"the leases of {name} to have other owners")

    def steady(self):
        """Nothing changes hands for three rounds of Java."""
        self.until(lambda: time.monotonic() - self.watch.begun_at - self.watch.changes[-1][0] > 3 * JAVA_ROUND_S,
                   "the owners to stay as they are")

    def __enter__(self):
        self.watch.__enter__()
        return self

    def __exit__(self, *_):
        self.watch.__exit__()
        for worker in self.workers.values():
            worker.clean_up()
