/**
 * Runs what `instructcv export` wrote, with onnxruntime-web in a page or onnxruntime-node, and nothing else:
 *
 *     import * as ort from "onnxruntime-web";
 *     const bytes = async (file) => new Uint8Array(await (await fetch(`nano-onnx/${file}`)).arrayBuffer());
 *     const model = await openBundle(ort, bytes);
 *     const drawn = await model.draw(planes, ids);
 *
 * `bytes` gives a file of the bundle. `planes`: the photo at the size in bundle.picture, RGB, [3, H, W], value / 127.5 - 1. `ids`: the sentence as
 * bundle.tokenizer says. The drawing comes in the form of `planes`.
 */
export async function openBundle(ort, bytes, options = {}) {
  const bundle = JSON.parse(new TextDecoder().decode(await bytes("bundle.json")));
  const sessions = {};
  for (const [name, { file, data }] of Object.entries(bundle.networks)) {
    const externalData = await Promise.all(data.map(async (path) => ({ path, data: await bytes(path) })));
    const own = externalData.length > 0 ? { externalData } : {};
    sessions[name] = await ort.InferenceSession.create(await bytes(file), { ...options, ...own });
  }

  /** Runs a graph on values by the names of its inputs; gives its only output's. */
  const run = async (name, values) => {
    const { inputs, outputs } = bundle.networks[name];
    const feeds = Object.fromEntries(inputs.map((i) => [i.name, new ort.Tensor(i.type, values[i.name], i.shape)]));
    return (await sessions[name].run(feeds))[outputs[0].name].data;
  };
  const encode = (ids) => run("text_encoder", { ids: BigInt64Array.from(ids, BigInt) });

  const drawOnce = async (planes, states, noise) => {
    const image = await run("vae_encoder", { picture: planes });
    const nothing = new Float32Array(image.length);
    let sample = Float32Array.from(image, noise);
    for (const { timestep, blank, denoised, epsilon, next } of bundle.steps) {
      const prediction = new Float32Array(image.length);
      for (const condition of bundle.conditions) {
        const part = await run("unet", {
          noisy: blank ? nothing : sample,
          image: condition.image ? image : nothing,
          timestep: Float32Array.of(timestep),
          states: condition.text ? states.sentence : states.empty,
        });
        for (let i = 0; i < part.length; i++) prediction[i] += condition.weight * part[i];
      }
      const clip = bundle.clip ?? Number.POSITIVE_INFINITY;
      sample = sample.map((noisy, i) => {
        const clean = denoised.a * prediction[i] + denoised.b * noisy;
        const noise = epsilon.a * prediction[i] + epsilon.b * noisy;
        return next.a * Math.min(clip, Math.max(-clip, clean)) + next.b * noise;
      });
    }
    return run("vae_decoder", { latents: sample });
  };

  const { width } = bundle.picture;
  const mirrorOf = (planes) => planes.map((_, i) => planes[i - (i % width) + (width - 1 - (i % width))]);
  return {
    bundle,
    /** `noise` gives standard normal numbers. With `mirror` the mirrored photo is drawn too and the mean taken. */
    async draw(planes, ids, { noise = normal, mirror = bundle.mirror } = {}) {
      const { start, end, pad, length } = bundle.tokenizer;
      const empty = [start, end, ...Array(length - 2).fill(pad)];
      const states = { sentence: await encode(ids), empty: await encode(empty) };
      const straight = await drawOnce(planes, states, noise);
      if (!mirror) return straight;
      const mirrored = mirrorOf(await drawOnce(mirrorOf(planes), states, noise));
      return straight.map((value, i) => (value + mirrored[i]) / 2);
    },
    close: () => Promise.all(Object.values(sessions).map((session) => session.release())),
  };
}

/** Box and Muller's. */
function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
