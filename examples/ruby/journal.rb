#!/usr/bin/env ruby
# A processor that writes down all that it is told, and goes on.
#
# $JOURNAL_DIR/SHARD.jsonl gets one JSON object a callback and record. Each is one write, so that a kill loses none.
require 'fileutils'
require_relative 'multilang'

class Journal
  FOLDER = ENV.fetch('JOURNAL_DIR', 'journal')
  TRIES = 5

  def start(shard_id, sequence_number, sub_sequence_number)
    FileUtils.mkdir_p(FOLDER)
    @shard = shard_id
    @file = File.open(File.join(FOLDER, "#{shard_id}.jsonl"), 'a')
    @file.sync = true
    note('initialize', sequence: sequence_number, sub_sequence: sub_sequence_number)
  end

  def records(records, behind_ms, checkpointer)
    note('processRecords', records: records.size, behind_ms: behind_ms)
    records.each do |record|
      note('record', sequence: record.sequence_number, sub_sequence: record.sub_sequence_number,
                     key: record.partition_key, data: record.data.force_encoding('UTF-8').scrub)
      @last = record.sequence_number
    end
    checkpoint(checkpointer) unless records.empty?
  end

  def shard_ended(checkpointer)
    note('shardEnded')
    checkpoint(checkpointer)
  end

  def lease_lost
    note('leaseLost')
  end

  def shutdown_requested(checkpointer)
    note('shutdownRequested')
    checkpoint(checkpointer)
  end

  private

  def note(event, more = {})
    line = { event: event, pid: Process.pid, at: Process.clock_gettime(Process::CLOCK_MONOTONIC) }.merge(more)
    @file.write("#{JSON.generate(line)}\n")
  end

  # At everything that was delivered so far. Throttling passes; any other failure the next checkpoint makes good,
  # because it covers this one.
  def checkpoint(checkpointer)
    TRIES.times do |tried|
      note('checkpoint.asked', sequence: @last)
      checkpointer.checkpoint
      note('checkpoint.done', sequence: @last)
      return
    rescue MultiLang::CheckpointError => e
      note('checkpoint.refused', sequence: @last, error: e.name)
      return warn("#{@shard}: #{e.message}") unless e.name == 'ThrottlingException'

      sleep(0.1 * 2**tried)
    end
  end
end

MultiLang.run(Journal.new)
