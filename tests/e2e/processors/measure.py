#!/usr/bin/env python3
"""A record processor for the real amazon_kclpy library (v3 interface) that writes down everything it sees.

Environment: KH_JOURNAL   folder for one SHARD.jsonl per shard
             KH_CHECKPOINT  batch (default), N = after every N records, or never
             KH_RECORD_MS   time spent on each record
             KH_WORKER      whose child this is, for the journal
"""

import json
import os
import time

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor


class Measure(processor.RecordProcessorBase):
    def __init__(self):
        self.every = os.environ.get("KH_CHECKPOINT", "batch")
        self.record_s = float(os.environ.get("KH_RECORD_MS", "0")) / 1000
        self.fd = None
        self.since_checkpoint = 0
        self.last_sequence = None

    def note(self, event, **more):
        line = {"event": event, "pid": os.getpid(), "at": time.monotonic(), **more}
        os.write(self.fd, (json.dumps(line) + "\n").encode())

    def checkpoint(self, checkpointer, sequence=None, sub_sequence=None):
        """Without a number: everything delivered so far, which the journal shows as the last record's number."""
        shown = sequence or self.last_sequence
        self.note("checkpoint.asked", sequence=shown)
        try:
            checkpointer.checkpoint(sequence, sub_sequence)
            self.note("checkpoint.done", sequence=shown)
        except kcl.CheckpointError as e:
            self.note("checkpoint.refused", sequence=shown, error=e.value)
        self.since_checkpoint = 0

    def initialize(self, initialize_input):
        path = os.path.join(os.environ["KH_JOURNAL"], initialize_input.shard_id + ".jsonl")
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.note("initialize", sequence=initialize_input.sequence_number,
                  sub_sequence=initialize_input.sub_sequence_number, worker=os.environ.get("KH_WORKER"))

    def process_records(self, process_records_input):
        records = process_records_input.records
        self.note("processRecords", records=len(records), behind_ms=process_records_input.millis_behind_latest)
        for record in records:
            if self.record_s:
                time.sleep(self.record_s)
            self.note("record", sequence=record.sequence_number, sub_sequence=record.sub_sequence_number,
                      key=record.partition_key, data=record.binary_data.decode())
            self.last_sequence = record.sequence_number
            self.since_checkpoint += 1
            if self.every.isdigit() and self.since_checkpoint >= int(self.every):
                self.checkpoint(process_records_input.checkpointer, record.sequence_number, record.sub_sequence_number)
        if self.every == "batch" and records:
            self.checkpoint(process_records_input.checkpointer, records[-1].sequence_number,
                            records[-1].sub_sequence_number)

    def lease_lost(self, lease_lost_input):
        self.note("leaseLost")

    def shard_ended(self, shard_ended_input):
        self.note("shardEnded")
        self.checkpoint(shard_ended_input.checkpointer)

    def shutdown_requested(self, shutdown_requested_input):
        self.note("shutdownRequested")
        self.checkpoint(shutdown_requested_input.checkpointer)


if __name__ == "__main__":
    kcl.KCLProcess(Measure()).run()
