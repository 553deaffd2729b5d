// What the two processors of this folder have in common: they write down all that they are told, and go on.
//
// $JOURNAL_DIR/SHARD.jsonl gets one JSON object a callback and record. Each is one write, so that a kill loses none.
'use strict';

const fs = require('fs');
const path = require('path');

const FOLDER = process.env.JOURNAL_DIR || 'journal';
const TRIES = 5;

class Journal {
  constructor(shard, start) {
    fs.mkdirSync(FOLDER, {recursive: true});
    this.fd = fs.openSync(path.join(FOLDER, shard + '.jsonl'), 'a', 0o644);
    this.shard = shard;
    this.last = null;
    this.note('initialize', {sequence: start});
  }

  note(event, more) {
    const at = Number(process.hrtime.bigint()) / 1e9;
    fs.writeSync(this.fd, JSON.stringify({event, pid: process.pid, at, ...more}) + '\n');
  }

  batch(input, done) {
    this.note('processRecords', {records: input.records.length, behind_ms: input.millisBehindLatest});
    for (const record of input.records) {
      this.note('record', {
        sequence: record.sequenceNumber, sub_sequence: record.subSequenceNumber, key: record.partitionKey,
        data: Buffer.from(record.data, 'base64').toString(),
      });
      this.last = record.sequenceNumber;
    }
    if (input.records.length > 0) {
      this.checkpoint(input.checkpointer, done);
    } else {
      done();
    }
  }

  // At everything that was delivered so far. Throttling passes; any other failure the next checkpoint makes good,
  // because it covers this one.
  checkpoint(checkpointer, done, tried = 0) {
    this.note('checkpoint.asked', {sequence: this.last});
    checkpointer.checkpoint((error) => {
      if (!error) {
        this.note('checkpoint.done', {sequence: this.last});
        done();
        return;
      }
      this.note('checkpoint.refused', {sequence: this.last, error});
      if (error === 'ThrottlingException' && tried + 1 < TRIES) {
        setTimeout(() => this.checkpoint(checkpointer, done, tried + 1), 100 * 2 ** tried);
        return;
      }
      console.error(`${this.shard}: no checkpoint: ${error}`);
      done();
    });
  }
}

module.exports = Journal;
