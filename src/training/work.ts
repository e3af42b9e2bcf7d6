/** How much arithmetic a run asks for and how much the machine can do: what turns samples/s into a share of the limit. */
import { CountingOps } from "../tensor/counting.js";
import type { ComputeDType, Torch } from "../tensor/torch/index.js";
import type { Loader } from "./batch.js";
import { withPrefix } from "./progress.js";
import type { Session } from "./session.js";
import { drawsOf, photoLosses, stepLoss } from "./step.js";

export interface Work {
  /** Floating-point operations of one optimizer update, two for each multiply-add: forward and backward of all ranks' samples. */
  readonly flopsPerUpdate: number;
  /** Floating-point operations a second of a large matrix product in the run's precision, on its device and threads; of all ranks. */
  readonly limit: number;
}

/** Counts one update of this process on the shapes of a real batch. Nothing is computed. */
export async function countUpdate(session: Session, loader: Loader): Promise<number> {
  const { config, models, optimizer, stepOptions } = session;
  const ops = new CountingOps(optimizer.slots.map(({ weight }) => weight));
  const batch = await loader.batch(0);
  const B = batch.tasks.length;
  const side = batch.size / models.codec.factor;
  const latents = ops.constant(new Float32Array(0), [B, config.model.unet.out_channels, side, side]);
  const noise = { latents, posterior: null, perturbation: null };
  stepLoss(ops, models, batch, drawsOf(config.seed, 0, B, stepOptions), noise, stepOptions);
  const { accumulate } = config.optimizer;
  const batches = accumulate * (ops.forward + ops.backward);
  const { photos } = config.loss.auxiliary;
  if (!models.auxiliary || photos === 0) return 2 * batches;
  const heads = new CountingOps(optimizer.slots.map(({ weight }) => weight));
  photoLosses(heads, models, await loader.photos(0, photos), stepOptions);
  return 2 * (batches + heads.forward + heads.backward);
}

/** Milliseconds: products of 512, 1024 and up to 8192 square, larger ones as long as one takes less than this... */
const longEnough = 10;
/** ...each size for so long, because other work on the machine makes some of them slow. */
const span = 100;

/** The best rate of square matrix products, in operations a second; takes a fraction of a second. */
export function measureLimit(torch: Torch, dtype: ComputeDType): number {
  let best = 0;
  for (let n = 512; n <= 8192; n *= 2) {
    const ms = torch.noGrad(() =>
      torch.tidy(() => {
        const x = torch.ops.cast(torch.randn([n, n]), dtype);
        const end = performance.now() + span;
        let least = Number.POSITIVE_INFINITY;
        for (let i = 0; i < 2 || performance.now() < end; i++) {
          least = Math.min(
            least,
            timed(torch, () => torch.ops.matmul(x, x)),
          );
        }
        return least;
      }),
    );
    best = Math.max(best, (2 * n ** 3) / (ms / 1000));
    if (n >= 1024 && ms > longEnough) break;
  }
  return best;
}

/** Below this a difference of two measurements is noise. */
const CLEARLY = 1.2;

/**
 * What to tell whoever trains in a precision that this machine multiplies slower than float32: a processor without such instructions
 * imitates them, many times slower. Undefined where the precision is worth it.
 * @param limit @param float32 what `measureLimit` says of both
 */
export function precisionAdvice(dtype: ComputeDType, limit: number, float32: number): string | undefined {
  if (dtype === "float32" || float32 < CLEARLY * limit) return undefined;
  const rates = `${withPrefix(limit)}FLOP/s in ${dtype}, ${withPrefix(float32)}FLOP/s in float32`;
  return `This machine multiplies matrices at ${rates}: compute.dtype: float32 should train faster here.`;
}

/** Milliseconds until the result is there; a GPU is waited for by reading one number of it. */
function timed(torch: Torch, product: () => ReturnType<Torch["ops"]["matmul"]>): number {
  return torch.tidy(() => {
    const before = performance.now();
    const corner = torch.ops.slice(torch.ops.slice(product(), 0, 0, 1), 1, 0, 1);
    torch.item(corner);
    return performance.now() - before;
  });
}
