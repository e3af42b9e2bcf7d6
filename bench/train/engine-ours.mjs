/**
 * This package's training as one of the engines that `npm run bench:train` times: one JSON line on stdin, one on stdout.
 *
 * Run: node bench/train/engine-ours.mjs RECIPE.yaml given|loaded. `given` trains on its first batch again and again, `loaded` on those
 * that its loader makes. A request {"updates": n} is answered by the seconds of each and the last loss, {"product": true} by the rate
 * of a large matrix product in operations a second.
 */
import { createInterface } from "node:readline";
import { createLoader } from "../../dist/training/batch.js";
import { readConfig } from "../../dist/training/config.js";
import { createEncodedLoader } from "../../dist/training/encoded/loader.js";
import { openEncoded } from "../../dist/training/encoded/open.js";
import { createSession } from "../../dist/training/session.js";
import { openStores } from "../../dist/training/store.js";
import { runUpdate } from "../../dist/training/update.js";
import { countUpdate, measureLimit } from "../../dist/training/work.js";

const [recipe, batches] = process.argv.slice(2);
const config = await readConfig(recipe);
const { train } = await openStores(config);
const session = await createSession(config, train);
const made =
  config.data.encoded === null
    ? createLoader(train, config, session.tokenizer)
    : createEncodedLoader(train, config, await openEncoded(config));
const first = await made.batch(0);
const loader = batches === "given" ? { ...made, batch: async () => first } : made;

answer({
  versions: { node: process.versions.node, libtorch: session.torch.version },
  operations: await countUpdate(session, loader),
});
let update = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.product) {
    answer({ rate: measureLimit(session.torch, config.compute.dtype) });
    continue;
  }
  const seconds = [];
  let loss = Number.NaN;
  let waited = 0;
  for (let i = 0; i < request.updates; i++) {
    const start = performance.now();
    const outcome = await runUpdate(session, loader, ++update, 1e-6);
    seconds.push((performance.now() - start) / 1000);
    waited += outcome.loaderMs / 1000;
    loss = outcome.loss;
  }
  answer({ seconds, loss, waited });
}

function answer(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
