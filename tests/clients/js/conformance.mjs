// Every check of `checks/` against a server: node conformance.mjs URL MODE FILE…
// MODE is websocket, polling or default (polling, then upgraded). One JSON line a check: {name, error?}.
import { once } from "node:events";
import { runChecks } from "./checking.mjs";

const [url, mode, ...files] = process.argv.slice(2);
for (const file of files) await import(`./checks/${file}.mjs`);
await runChecks(url, mode, (result) => process.stdout.write(JSON.stringify(result) + "\n"));
if (process.stdout.writableLength) await once(process.stdout, "drain");
process.exit(0);
