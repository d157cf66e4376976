// PostGraphile as its documentation advises for production, on a free port of this machine, which it tells.
import { createServer } from "node:http";
import pg from "pg";
import { postgraphile } from "postgraphile";

const [dsn, connections] = process.argv.slice(2);
const url = new URL(dsn.replace("@/", "@socket/"));
const pool = new pg.Pool({
  user: url.username,
  database: url.pathname.slice(1),
  host: url.searchParams.get("host") ?? url.hostname,
  port: Number(url.searchParams.get("port") ?? (url.port || 5432)),
  password: url.password || undefined,
  max: Number(connections),
});
const app = postgraphile(pool, "peer", {
  disableQueryLog: true,
  dynamicJson: true,
  ignoreRBAC: true,
  legacyRelations: "omit",
  retryOnInitFail: false,
});
const server = createServer(app);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
