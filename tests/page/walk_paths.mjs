// Walks the paths of bundles as the page does: reads {modules, cases: [{bundle, module, names}]}, prints what they come to.
import { readFileSync } from "node:fs";

const { modules, cases } = JSON.parse(readFileSync(0, "utf8"));
const { Model } = await import(`${modules}/model.js`);
const { count, paths, reached } = await import(`${modules}/paths.js`);
const found = [];
for (const { bundle, module, names } of cases) {
  const model = new Model(bundle, await import(module));
  found.push(
    names.map((name) => {
      let [walked, sum] = [0, 0];
      for (const path of paths(model, name)) {
        walked += 1;
        sum += path.reduce((product, { step }) => product * model.along(step), 1);
      }
      return { name, count: count(model, name), walked, sum, partial: model.partial(name), reached: [...reached(model, name)] };
    }),
  );
}
process.stdout.write(JSON.stringify(found));
