// A processor of the second generation: a function each for the end of the shard and the loss of the lease.
'use strict';

const kcl = require('aws-kcl');
const Journal = require('./journal');

let journal;

kcl({
  initialize(input, done) {
    journal = new Journal(input.shardId, input.sequenceNumber);
    done();
  },

  processRecords(input, done) {
    journal.batch(input, done);
  },

  leaseLost(input, done) {
    journal.note('leaseLost');
    done();
  },

  shardEnded(input, done) {
    journal.note('shardEnded');
    journal.checkpoint(input.checkpointer, done);
  },

  shutdownRequested(input, done) {
    journal.note('shutdownRequested');
    journal.checkpoint(input.checkpointer, done);
  },
}).run();
