// Runs code modules: reads {cases: [{module, p, x, target, count, locals: [[number, sample, ...indices]]}]}, prints results.
import { readFileSync } from "node:fs";

const { cases } = JSON.parse(readFileSync(0, "utf8"));
const found = [];
for (const one of cases) {
  const code = await import(one.module);
  const v = code.compute(Float64Array.from(one.p), Float64Array.from(one.x), Float64Array.from(one.target), one.count);
  const arrays = {};
  for (const [name, value] of Object.entries(v)) arrays[name] = ArrayBuffer.isView(value) ? Array.from(value, String) : String(value);
  found.push({ arrays, locals: one.locals.map(([number, ...args]) => String(code.locals[number](v, ...args))) });
}
process.stdout.write(JSON.stringify(found));
