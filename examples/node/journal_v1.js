// A processor of the first generation: one shutdown with a reason. That it has this function is how aws-kcl knows.
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

  shutdownRequested(input, done) {
    journal.note('shutdownRequested');
    journal.checkpoint(input.checkpointer, done);
  },

  shutdown(input, done) {
    journal.note('shutdown', {reason: input.reason});
    if (input.reason === 'TERMINATE') { // the end of the shard; ZOMBIE: the lease is gone, and no checkpoint counts
      journal.checkpoint(input.checkpointer, done);
    } else {
      done();
    }
  },
}).run();
