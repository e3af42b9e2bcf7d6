/** One of two ranks that average the gradients of a few numbers: `node rank-averages.mjs RANK PORT` prints what came of it as JSON. */
import { joinProcessGroup } from "../../dist/tensor/torch/distributed.js";
import { createTorch } from "../../dist/tensor/torch/index.js";

const [rank, port] = process.argv.slice(2).map(Number);
const at = { backend: "gloo", device: "cpu", world: 2, host: "127.0.0.1", serve: rank === 0, prefix: "t/" };
const group = joinProcessGroup({ ...at, rank, port, timeoutSeconds: 20 });
const torch = createTorch({ threads: 1 });
const leaf = (...data) => torch.tensor(Float32Array.from(data), [data.length], { requiresGrad: true });
const [used, only, none] = [leaf(3, 3), leaf(1), leaf(1)];
const weights = [used, only, none];
const { ops } = torch;
/** d/d used = (rank + 1) * 3. */
const backward = () => torch.tidy(() => torch.backward(ops.sum(ops.mul(used, 3 * (rank + 1)))));
const gradient = (weight) => torch.tidy(() => torch.grad(weight) && [...torch.read(torch.grad(weight))]);
const messageOf = (fn) => {
  try {
    fn();
  } catch (error) {
    return error.message;
  }
};

group.planAverages(weights);
// An earlier pass, on one rank only.
if (rank === 0) torch.tidy(() => torch.backward(ops.sum(only)));
const early = group.launchDuring(backward);
group.finishAverages();
const result = { early, means: gradient(used), only: gradient(only), none: gradient(none) };

torch.zeroGrad(weights);
result.failed = messageOf(() =>
  group.launchDuring(() => {
    throw new Error("in the middle");
  }),
);
backward(); // with a hook still armed this would leave for the other rank
group.planAverages(weights);
group.finishAverages();
result.after = gradient(used);

torch.zeroGrad(weights);
result.twice = messageOf(() =>
  group.launchDuring(() => {
    backward();
    backward();
  }),
);
group.leave();
console.log(JSON.stringify(result));
