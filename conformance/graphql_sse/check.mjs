// The client of `graphql-sse`, in both modes of its protocol.
import assert from "node:assert/strict";
import { createClient } from "graphql-sse";

const { KEHU_URL: url, KEHU_KEY: key } = process.env;
const headers = { authorization: `Bearer ${key}` };

const answer = await fetch(url, {
  method: "POST",
  headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
  body: JSON.stringify({ query: "{ __typename }" }),
});
await answer.body?.cancel();
if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) {
  console.log(`answers to \`text/event-stream\` with ${answer.status}`);
  process.exit(3);
}

const connect = (singleConnection, more = {}) =>
  createClient({ url, singleConnection, headers, retryAttempts: 0, ...more });
const events = "subscription Events($after: Int64) { events(after: $after) { position name } }";

/** The positions of the first events after one. */
async function take(client, count, after) {
  const positions = [];
  for await (const { data, errors } of client.iterate({ query: events, variables: { after } })) {
    assert.equal(errors, undefined);
    if (positions.push(data.events.position) === count) break; // ends the operation
  }
  return positions;
}

/** The one answer of an operation. */
async function once(client, query, variables) {
  const answers = [];
  for await (const answer of client.iterate({ query, variables })) answers.push(answer);
  assert.equal(answers.length, 1);
  return answers[0];
}

const checks = {
  "a query is answered once, and completes": async (client) => {
    const { data } = await once(client, "{ customers(first: 2) { nodes { customerId } } }");
    assert.equal(data.customers.nodes.length, 2);
  },
  "a mutation is answered once, typed errors included": async (client) => {
    const query = `mutation { registerCustomer(input: { customerId: "1" }) { position errors { __typename } } }`;
    const { data } = await once(client, query);
    assert.equal(data.registerCustomer.errors[0].__typename, "CustomerAlreadyRegistered");
  },
  "a subscription replays from a position, in order, without gap": async (client) => {
    assert.deepEqual(await take(client, 5, 0), [1, 2, 3, 4, 5]);
    assert.deepEqual(await take(client, 3, 5), [6, 7, 8]);
  },
  "several subscriptions run at once": async (client) => {
    const taken = await Promise.all([take(client, 3, 0), take(client, 3, 10), take(client, 3, 20)]);
    assert.deepEqual(taken, [[1, 2, 3], [11, 12, 13], [21, 22, 23]]);
  },
  "a document with a fault is answered with its code": async (client) => {
    let told;
    try {
      told = await once(client, "subscription { nothing }");
    } catch (error) {
      told = await error.response?.json(); // a request that is refused before the stream begins
    }
    assert.equal(told?.errors?.[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  },
  "a wrong key is refused": async (_, single) => {
    const stranger = connect(single, { headers: { authorization: "Bearer kehu_000000000000_nothing" } });
    let told;
    try {
      told = (await once(stranger, "{ __typename }")).errors?.[0].extensions.code;
    } catch (error) {
      told = error.response?.status;
    }
    assert.ok(told === 401 || told === "UNAUTHENTICATED", `answered ${told}`);
  },
};

const modes = { "distinct connections": false, "single connection": true };
let passed = 0;
for (const [mode, single] of Object.entries(modes)) {
  for (const [name, check] of Object.entries(checks)) {
    const client = connect(single);
    try {
      await check(client, single);
      passed++;
    } catch (error) {
      console.log(`failed: ${mode}: ${name}: ${error?.message ?? error}`);
    }
    client.dispose();
  }
}
const all = Object.keys(checks).length * Object.keys(modes).length;
console.log(`${passed} of ${all} conversations as they should be, in both modes`);
process.exit(passed === all ? 0 : 1);
