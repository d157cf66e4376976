// `graphql-inspector diff`, both ways: what is committed is what is served.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { buildClientSchema, getIntrospectionQuery, printSchema } from "graphql";

const { KEHU_URL: url, KEHU_KEY: key, KEHU_SCHEMA: committed } = process.env;
const answer = await fetch(url, {
  method: "POST",
  headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
  body: JSON.stringify({ query: getIntrospectionQuery({ specifiedByUrl: true, oneOf: true, inputValueDeprecation: true }) }),
});
const { data, errors } = await answer.json();
if (errors) throw new Error(JSON.stringify(errors));
writeFileSync("served.graphql", printSchema(buildClientSchema(data)));

let failed = false;
for (const pair of [[committed, "served.graphql"], ["served.graphql", committed]]) {
  const { status, stdout, stderr } = spawnSync("npx", ["graphql-inspector", "diff", ...pair], { encoding: "utf8" });
  console.log(stdout + stderr);
  failed ||= status !== 0 || !stdout.includes("No changes detected");
}
console.log(failed ? "the schemas differ" : "no change, of any kind");
process.exitCode = failed ? 1 : 0;
