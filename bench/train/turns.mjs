/** Engines of a table, started one after the other: two of Stable Diffusion's size do not fit into memory together. */
import { EngineProcess } from "../../scripts/sd/engine-process.mjs";

/**
 * Of each engine { name: { command, args } }: seconds of all timed updates, most memory of a round, and how many cores other processes
 * took meanwhile. In every round each engine is started anew, makes one update that is not timed and then `updates` that are.
 */
export async function takeTurns(engines, { rounds, updates, threads }) {
  const found = Object.fromEntries(
    Object.keys(engines).map((name) => [name, { seconds: [], waited: 0, others: [], rates: [] }]),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const [name, { command, args }] of Object.entries(engines)) {
      console.error(`  round ${round}: ${name}`);
      const engine = await EngineProcess.start(command, args, threads);
      try {
        const of = found[name];
        await engine.ask({ updates: 1 });
        const said = await engine.askAlone({ updates });
        of.seconds.push(...said.seconds);
        of.waited += said.waited ?? 0;
        of.others.push(said.others);
        of.loss = said.loss;
        of.peakAnonymous = Math.max(of.peakAnonymous ?? 0, engine.peakAnonymous);
        of.ready = engine.ready;
        if (engine.ready.operations) of.rates.push((await engine.ask({ product: true })).rate);
      } finally {
        await engine.close();
      }
    }
  }
  return found;
}
