// graphql-codegen types the documents, tsc compiles a client with these types, and the client speaks with the server.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";

for (const folder of ["generated", "built"]) rmSync(folder, { recursive: true, force: true });
const steps = [
  ["npx", "graphql-codegen", "--config", "codegen.yml"],
  ["npx", "tsc"],
  ["node", "built/client.js"],
];
for (const [program, ...words] of steps) {
  const { status } = spawnSync(program, words, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) {
    console.log(`${words.join(" ")} failed`);
    process.exit(1);
  }
}
const folder = process.env.KEHU_DOCUMENTS;
const texts = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, "utf8"));
const operations = texts.join("\n").match(/^(query|mutation|subscription) /gm).length;
const moments = readFileSync("generated/graphql.ts", "utf8").includes('"value":"asOf"');
const asked = readFileSync("client.ts", "utf8").match(/await ask\(/g).length;
console.log(`${operations} operations typed and compiled, ${asked} asked; @asOf ${moments ? "kept" : "LOST"}`);
process.exit(moments ? 0 : 1);
