"""What the processors of this folder have in common: they write down all that they are told, and go on.

$JOURNAL_DIR/SHARD.jsonl gets one JSON object a callback and record. Each is one write, so that a kill loses none.
"""
import json
import os
import sys
import time

from amazon_kclpy import kcl

FOLDER = os.environ.get("JOURNAL_DIR", "journal")
TRIES = 5


class Journal:
    def __init__(self, shard, start=None):
        os.makedirs(FOLDER, exist_ok=True)
        self.fd = os.open(os.path.join(FOLDER, shard + ".jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.shard = shard
        self.last = None
        self.note("initialize", sequence=start)

    def note(self, event, **more):
        line = {"event": event, "pid": os.getpid(), "at": time.monotonic(), **more}
        os.write(self.fd, (json.dumps(line) + "\n").encode())

    def record(self, sequence, sub_sequence, key, data):
        self.note("record", sequence=sequence, sub_sequence=sub_sequence, key=key, data=data.decode("utf-8", "replace"))
        self.last = sequence

    def checkpoint(self, checkpointer):
        """At everything that was delivered so far. Throttling passes; any other failure the next checkpoint makes good,
        because it covers this one."""
        for tried in range(TRIES):
            self.note("checkpoint.asked", sequence=self.last)
            try:
                checkpointer.checkpoint()
                self.note("checkpoint.done", sequence=self.last)
                return
            except kcl.CheckpointError as error:
                self.note("checkpoint.refused", sequence=self.last, error=error.value)
                if error.value != "ThrottlingException":
                    print(f"{self.shard}: no checkpoint: {error.value}", file=sys.stderr, flush=True)
                    return
                time.sleep(0.1 * 2 ** tried)
