// The client of `graphql-ws` speaks graphql-transport-ws with the server.
import assert from "node:assert/strict";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { KEHU_URL: url, KEHU_KEY: key } = process.env;
const connect = (authorization, more = {}) =>
  createClient({
    url: url.replace(/^http/, "ws"),
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 0,
    ...more,
  });
const client = connect(`Bearer ${key}`);
const events = "subscription Events($after: Int64) { events(after: $after) { position name } }";

/** The positions of the first events after one. */
async function take(count, after) {
  const positions = [];
  for await (const { data, errors } of client.iterate({ query: events, variables: { after } })) {
    assert.equal(errors, undefined);
    if (positions.push(data.events.position) === count) break; // completes the operation
  }
  return positions;
}

/** The one answer of an operation. */
async function once(query, variables) {
  const answers = [];
  for await (const answer of client.iterate({ query, variables })) answers.push(answer);
  assert.equal(answers.length, 1);
  return answers[0];
}

const checks = {
  "a query is answered once, and completes": async () => {
    const { data } = await once("{ customers(first: 2) { nodes { customerId } } }");
    assert.equal(data.customers.nodes.length, 2);
  },
  "a mutation is answered once": async () => {
    const input = { customerId: "over-ws", name: "客户" };
    const query = `mutation ($input: RegisterCustomerInput!) {
      registerCustomer(input: $input) { position errors { __typename } }
    }`;
    const { data } = await once(query, { input });
    assert.deepEqual(data.registerCustomer.errors, []);
    const again = await once(query, { input });
    assert.equal(again.data.registerCustomer.errors[0].__typename, "CustomerAlreadyRegistered");
  },
  "a subscription replays from a position, in order, without gap": async () => {
    assert.deepEqual(await take(5, 0), [1, 2, 3, 4, 5]);
    assert.deepEqual(await take(3, 5), [6, 7, 8]);
  },
  "several subscriptions share a connection": async () => {
    const taken = await Promise.all([take(3, 0), take(3, 10), take(3, 20)]);
    assert.deepEqual(taken, [[1, 2, 3], [11, 12, 13], [21, 22, 23]]);
  },
  "a document with a fault is answered with an error, and the connection stays": async () => {
    await assert.rejects(once("subscription { nothing }"), (errors) => {
      assert.equal(errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
      return true;
    });
    assert.deepEqual(await take(1, 0), [1]);
  },
  "a text that is no document is answered with an error, too": async () => {
    await assert.rejects(once("{"), (errors) => {
      assert.equal(errors[0].extensions.code, "GRAPHQL_PARSE_FAILED");
      return true;
    });
  },
  "a ping is answered": async () => {
    let pongs = 0;
    const pinging = connect(`Bearer ${key}`, {
      lazy: false,
      keepAlive: 50,
      on: { pong: (received) => received && pongs++ },
    });
    for (let tries = 0; tries < 100 && pongs < 2; tries++) await new Promise((done) => setTimeout(done, 50));
    await pinging.dispose();
    assert.ok(pongs >= 2);
  },
  "a connection without a good key is closed with 4403": async () => {
    const stranger = connect("Bearer kehu_000000000000_nothing");
    await assert.rejects(
      (async () => {
        for await (const _ of stranger.iterate({ query: events })) assert.fail("answered");
      })(),
      (close) => close.code === 4403,
    );
  },
};

let passed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    passed++;
  } catch (error) {
    console.log(`failed: ${name}: ${error?.message ?? JSON.stringify(error)}`);
  }
}
await client.dispose();
console.log(`${passed} of ${Object.keys(checks).length} conversations as they should be`);
process.exit(passed === Object.keys(checks).length ? 0 : 1);
