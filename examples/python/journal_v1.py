#!/usr/bin/env python3
"""A processor of the first generation: shard id, list of records, and one shutdown with a reason."""
import base64

from amazon_kclpy import kcl

from journal import Journal


class Processor(kcl.RecordProcessorBase):
    def initialize(self, shard_id):
        self.journal = Journal(shard_id)

    def process_records(self, records, checkpointer):
        self.journal.note("processRecords", records=len(records))
        for record in records:
            self.journal.record(record.get("sequenceNumber"), record.get("subSequenceNumber"),
                                record.get("partitionKey"), base64.b64decode(record.get("data")))
        if records:
            self.journal.checkpoint(checkpointer)

    def shutdown_requested(self, checkpointer):
        self.journal.note("shutdownRequested")
        self.journal.checkpoint(checkpointer)

    def shutdown(self, checkpointer, reason):
        self.journal.note("shutdown", reason=reason)
        if reason == "TERMINATE":  # the end of the shard; ZOMBIE: the lease is gone, and no checkpoint counts
            self.journal.checkpoint(checkpointer)


if __name__ == "__main__":
    kcl.KCLProcess(Processor()).run()
