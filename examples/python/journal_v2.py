#!/usr/bin/env python3
"""A processor of the second generation: input objects, and still one shutdown with a reason."""
from amazon_kclpy import kcl
from amazon_kclpy.v2 import processor

from journal import Journal


class Processor(processor.RecordProcessorBase):
    def initialize(self, initialize_input):
        self.journal = Journal(initialize_input.shard_id, initialize_input.sequence_number)

    def process_records(self, process_records_input):
        records = process_records_input.records
        self.journal.note("processRecords", records=len(records), behind_ms=process_records_input.millis_behind_latest)
        for record in records:
            self.journal.record(record.sequence_number, record.sub_sequence_number, record.partition_key,
                                record.binary_data)
        if records:
            self.journal.checkpoint(process_records_input.checkpointer)

    def shutdown_requested(self, shutdown_requested_input):
        self.journal.note("shutdownRequested")
        self.journal.checkpoint(shutdown_requested_input.checkpointer)

    def shutdown(self, shutdown_input):
        self.journal.note("shutdown", reason=shutdown_input.reason)
        if shutdown_input.reason == "TERMINATE":
            self.journal.checkpoint(shutdown_input.checkpointer)


if __name__ == "__main__":
    kcl.KCLProcess(Processor()).run()
