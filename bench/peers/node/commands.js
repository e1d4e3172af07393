// Commands on stdin, one JSON array a line; the answer to each on stdout, one JSON value a line.
"use strict";

const { createInterface } = require("node:readline");

async function obey(commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...rest] = JSON.parse(line);
    console.log(JSON.stringify(await commands[name](...rest)));
  }
  process.exit(0); // whoever gave the commands is gone
}

module.exports = { obey };
