// kafka-node's HighLevelConsumer: consumes at least N records, commits, prints {"consumed", "next": {"t-0": n}} and stays
// registered until SIGTERM. Usage: node high_level_consumer.js MODULES ZOOKEEPER GROUP TOPIC N
'use strict';
const path = require('path');

const [modules, zookeeper, group, topic, wanted] = process.argv.slice(2);
const kafka = require(path.join(modules, 'kafka-node'));
const client = new kafka.Client(zookeeper, 'kferry-testenv');
const consumer = new kafka.HighLevelConsumer(client, [{topic}], {
  groupId: group, autoCommit: false, fromOffset: false, fetchMaxBytes: 2048, fetchMaxWaitMs: 50,
});
const next = {};
let consumed = 0;
let committing = false;

function fail(error) {
  console.error(error);
  process.exit(1);
}

function commit() {
  committing = true;
  consumer.pause();
  // The records of the fetch at hand are still to come.
  setTimeout(() => consumer.commit(true, error => {
    if (error) fail(error);
    console.log(JSON.stringify({consumed, next}));
  }), 300);
}

consumer.on('message', record => {
  consumed += 1;
  next[`${record.topic}-${record.partition}`] = record.offset + 1;
  if (consumed >= Number(wanted) && !committing) commit();
});
consumer.on('error', fail);
process.on('SIGTERM', () => consumer.close(false, () => process.exit(0)));
