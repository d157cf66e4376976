// The audits of `graphql-http`: GraphQL over HTTP as its draft says.
import { serverAudits } from "graphql-http";

const { KEHU_URL: url, KEHU_KEY: key } = process.env;
const fetchFn = (input, init = {}) =>
  fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } });

const audits = serverAudits({ url, fetchFn });
const others = [];
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status !== "ok") others.push(`${result.status}: ${result.name}: ${result.reason}`);
  else await result.response?.body?.cancel?.();
}
for (const line of others) console.log(line);
console.log(`${audits.length - others.length} of ${audits.length} audits ok`);
process.exitCode = others.length ? 1 : 0;
