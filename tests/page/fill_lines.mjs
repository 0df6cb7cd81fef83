// Fills the lines of bundles as the page does: reads {bundles, wanted: [[name, backward], …] each}, prints the lines.
import { readFileSync } from "node:fs";

const { modules, cases } = JSON.parse(readFileSync(0, "utf8"));
const { Model } = await import(`${modules}/model.js`);
const { putNumbers, numberTex, bare } = await import(`${modules}/tex.js`);
const found = [];
for (const { bundle, module, wanted } of cases) {
  const model = new Model(bundle, await import(module));
  const number = (kind, name) => (kind === "s" ? model.number(name) : kind === "p" ? model.partial(name) : null);
  found.push(
    wanted.map(([name, backward]) => {
      const line = model.line(name, backward, bundle.notation);
      if (!line) return null;
      const put = line.general || line.line.put === undefined ? null : bare(putNumbers(line.line.put, number, 6));
      const value = backward ? model.partial(name) : model.number(name);
      return { sides: line.line.sides.map(bare), put, value: numberTex(value, 6), general: line.general, name: line.line.name };
    }),
  );
}
process.stdout.write(JSON.stringify(found));
