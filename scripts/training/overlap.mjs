/**
 * Trains a recipe in processes of this machine twice from the same start, with gradients that leave while backward computes others, and
 * with all of them after it:
 *   node scripts/training/overlap.mjs RECIPE [UPDATES] [WORLD]
 * Prints for each how long an update took (median), the share of the bytes that was under way when backward ended, and the SHA-256 of
 * weights, moments and averages, which must be the same. Needs `npm run build` and `npm run setup`.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

const [recipe, updates = "8", world = "2"] = process.argv.slice(2);
if (!recipe) throw new Error("usage: node scripts/training/overlap.mjs RECIPE [UPDATES] [WORLD]");
if (process.env.RANK === undefined) await launch();
else await rank();

/** Starts this script once for each rank; the first prints. */
async function launch() {
  const port = await new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
  const common = { ...process.env, WORLD_SIZE: world, LOCAL_WORLD_SIZE: world, MASTER_ADDR: "127.0.0.1" };
  const ended = Array.from({ length: Number(world) }, (_, rank) => {
    const env = { ...common, MASTER_PORT: String(port), RANK: String(rank), LOCAL_RANK: String(rank) };
    const options = { env, stdio: ["ignore", rank === 0 ? "inherit" : "ignore", "inherit"] };
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), recipe, updates, world], options);
    return new Promise((done) => child.on("close", (code) => done(code ?? 1)));
  });
  process.exitCode = Math.max(...(await Promise.all(ended)));
}

async function rank() {
  const part = (name) => import(`../../dist/training/${name}.js`);
  const [{ readConfig }, { openStores }, { createLoader }, { createSession }, { runUpdate }] = await Promise.all(
    ["config", "store", "batch", "session", "update"].map(part),
  );
  const { digestWeights, joinTeam } = await part("distributed");
  const { readLaunch } = await part("launch");
  const config = await readConfig(recipe);
  const team = joinTeam(config, readLaunch(process.env), 60);
  const stores = await openStores(config);
  let early = 0;
  const teams = {
    overlapped: {
      ...team,
      lastBackward: (slots, backward) => {
        early = team.lastBackward(slots, backward);
        return early;
      },
    },
    afterwards: {
      ...team,
      lastBackward: (_, backward) => {
        backward();
        early = 0;
        return 0;
      },
    },
  };
  for (const [way, how] of Object.entries(teams)) {
    const session = await createSession(team.place(config), stores.train);
    const loader = createLoader(stores.train, config, session.tokenizer);
    const times = [];
    for (let update = 1; update <= Number(updates); update++) {
      const before = performance.now();
      await runUpdate(session, loader, update, config.optimizer.lr, how);
      times.push(performance.now() - before);
    }
    const ms = times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
    const sha256 = digestWeights(session).toString("hex");
    await team.agreeOn("the model at the end", () => digestWeights(session));
    if (team.leads) console.log(JSON.stringify({ way, ms: Math.round(ms * 10) / 10, early, sha256 }));
    session.torch.dispose(session.optimizer.slots);
  }
  team.leave();
}
