// The rules of graphql-eslint for schemas, recommended and Relay's, over the committed schema; for documents, over ours.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { ESLint } from "eslint";

rmSync("linted", { recursive: true, force: true });
mkdirSync("linted/documents", { recursive: true });
copyFileSync(process.env.KEHU_SCHEMA, "linted/schema.graphql");
for (const name of readdirSync(process.env.KEHU_DOCUMENTS)) {
  copyFileSync(`${process.env.KEHU_DOCUMENTS}/${name}`, `linted/documents/${name}`);
}

const results = await new ESLint({ overrideConfigFile: "eslint.config.js" }).lintFiles(["linted"]);
const found = new Map();
for (const { filePath, messages } of results) {
  for (const { ruleId, message, line } of messages) {
    if (!found.has(ruleId)) found.set(ruleId, []);
    found.get(ruleId).push(`${filePath.split("linted/")[1]}:${line}: ${message}`);
  }
}
for (const [rule, places] of found) console.log(`${rule}: ${places.length}\n  ${places.slice(0, 5).join("\n  ")}`);
const total = [...found.values()].flat().length;
console.log(total ? `${total} findings of ${[...found.keys()].join(", ")}` : `${results.length} files, no finding`);
process.exit(total ? 1 : 0);
