#!/usr/bin/env python3
"""Counts the words of each shard: the processor of examples/wordcount, written with amazon_kclpy.

$WORDCOUNT_DIR/SHARD.json holds the position and the counts together and is on disk before the checkpoint, so that
records that come again after a crash are not counted twice.
"""
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor

FOLDER = Path(os.environ.get("WORDCOUNT_DIR", "build/wordcount-python.counts"))


class WordCount(processor.RecordProcessorBase):
    def initialize(self, initialize_input):
        self.shard = initialize_input.shard_id
        self.path = FOLDER / f"{self.shard}.json"
        self.position = (0, 0)
        self.counts = Counter()
        if self.path.exists():
            saved = json.loads(self.path.read_text())
            self.position = tuple(saved["position"])
            self.counts.update(saved["counts"])

    def process_records(self, process_records_input):
        new = 0
        for record in process_records_input.records:
            position = (int(record.sequence_number), record.sub_sequence_number)
            if position <= self.position:
                continue
            text = record.binary_data.decode("utf-8", "replace")
            self.counts.update(re.findall("[a-z]+", text.lower()))
            self.position = position
            new += 1
        if new > 0:
            self.save()
            print(f"{self.shard}: {new} records, last is {self.position[0]}", file=sys.stderr, flush=True)
        self.checkpoint(process_records_input.checkpointer)

    def lease_lost(self, lease_lost_input):
        pass

    def shard_ended(self, shard_ended_input):
        self.checkpoint(shard_ended_input.checkpointer)

    def shutdown_requested(self, shutdown_requested_input):
        self.checkpoint(shutdown_requested_input.checkpointer)

    def save(self):
        new = self.path.with_suffix(".new")
        with new.open("w") as file:
            json.dump({"position": self.position, "counts": dict(self.counts.most_common())}, file)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self.path)
        folder = os.open(FOLDER, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def checkpoint(self, checkpointer):
        """At everything that was delivered. A failure costs nothing but repeats: the next one covers this one."""
        try:
            checkpointer.checkpoint()
        except kcl.CheckpointError as error:
            print(f"{self.shard}: no checkpoint: {error.value}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    kcl.KCLProcess(WordCount()).run()
