// Clients of Emmett's event store, as bench/client.py has them of Kehu: a share a line, "ready", "go", a rate.
import { createInterface } from "node:readline";
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Every client appends to a stream of its own, under the condition of its version, until the time is up. */
async function send(store, held, events, seconds) {
  const end = performance.now() + seconds * 1000;
  const client = async (stream) => {
    let done = 0;
    do {
      const happened = Array.from({ length: events }, (_, n) => ({
        type: "OwnerAssigned",
        data: { customerId: stream.name, owner: `owner ${n}` },
      }));
      const options = { expectedStreamVersion: stream.version };
      const appended = await store.appendToStream(stream.name, happened, options);
      stream.version = appended.nextExpectedStreamVersion;
      done += events;
    } while (performance.now() < end);
    return done;
  };
  return (await Promise.all(held.map(client))).reduce((sum, done) => sum + done);
}

for (let line = await lines.next(); !line.done; line = await lines.next()) {
  const share = JSON.parse(line.value);
  const store = getPostgreSQLEventStore(share.dsn);
  const held = Array.from({ length: share.clients }, () => ({
    name: `customer-${crypto.randomUUID()}`,
    version: "STREAM_DOES_NOT_EXIST",
  }));
  await send(store, held, share.events, 0); // nobody's first append is counted
  console.log("ready");
  await lines.next();
  const began = performance.now();
  const done = await send(store, held, share.events, share.seconds);
  console.log((done * 1000) / (performance.now() - began));
  await store.close();
}
