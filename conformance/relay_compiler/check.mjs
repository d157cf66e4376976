// relay-compiler turns the documents, and a paged list of Relay's own, into what its runtime sends.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

const folder = process.env.KEHU_DOCUMENTS;
rmSync("src", { recursive: true, force: true });
mkdirSync("src");
copyFileSync(process.env.KEHU_SCHEMA, "schema.graphql");
copyFileSync("Paged.source.js", "src/Paged.js");
for (const name of readdirSync(folder)) {
  const text = readFileSync(`${folder}/${name}`, "utf8");
  const definitions = text.split(/^(?=query |mutation |subscription |fragment )/m).slice(1);
  const tagged = definitions.map((definition) => `graphql\`\n${definition}\`;\n`);
  writeFileSync(`src/${basename(name, ".graphql")}.js`, `import { graphql } from "relay-runtime";\n${tagged.join("")}`);
}

const { status } = spawnSync("npx", ["relay-compiler", "relay.config.json"], { stdio: ["ignore", "inherit", "inherit"] });
if (status !== 0) {
  console.log("relay-compiler refuses the documents");
  process.exit(1);
}
const artifacts = readdirSync("src/__generated__").map((name) => readFileSync(`src/__generated__/${name}`, "utf8"));
const operations = artifacts.filter((artifact) => artifact.includes("kind: \"Request\"") || artifact.includes('"kind": "Request"'));
const moments = operations.filter((artifact) => artifact.includes("@asOf(at: $at)"));
console.log(`${operations.length} operations and ${artifacts.length - operations.length} fragments compiled; @asOf kept in ${moments.length}`);
process.exit(operations.length > 0 && moments.length > 0 ? 0 : 1);
