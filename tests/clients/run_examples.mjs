// Runs examples of a client of JavaScript: node run_examples.mjs FILE, which is beside the packages that it imports.
//
// As run_examples.py does: names of functions of FILE come line by line; for each it answers one line of JSON: `ok`, and
// `said`, which is what the example printed, or how it failed. An example that hangs ends the process.

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";

const GIVE_UP = 120; // seconds
const file = pathToFileURL(process.argv[2]);
let printed = "";

process.stdout.write = process.stderr.write.bind(process.stderr); // what a library prints by itself is no answer
for (const name of ["log", "info", "warn", "error", "debug"]) {
  console[name] = (...words) =>
    (printed += `${words.map((each) => (typeof each === "string" ? each : inspect(each))).join(" ")}\n`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const example = line.trim();
  const late = setTimeout(() => {
    process.stderr.write(`${printed}${example} took longer than ${GIVE_UP} s\n`);
    process.exit(1);
  }, GIVE_UP * 1000);
  printed = "";
  let answer;
  try {
    await (await import(file))[example]();
    answer = { ok: true, said: printed };
  } catch (error) {
    answer = { ok: false, said: printed + inspect(error) };
  }
  clearTimeout(late);
  writeSync(1, `${JSON.stringify(answer)}\n`);
}
process.exit(0); // whatever a client keeps open
