/** What bench.mjs measured as one object, and that as tables. */

/** Engines in the order of the tables, and what people call them. */
const TITLES = {
  ours: "instructcv, float32",
  ours_int8: "instructcv, int8 UNet",
  diffusers: "diffusers, float32",
  diffusers_bf16: "diffusers, bfloat16",
};

/** Seconds, bytes and operations a second throughout; the first picture of an engine is apart. */
export function summary({ settings, machine, operations, cold, draws, memory, ready, rates }) {
  const limit = Math.max(...Object.values(rates).flat());
  const versions = Object.assign({}, ...Object.values(ready).map((one) => one.versions));
  const engines = Object.fromEntries(
    Object.entries(draws).map(([name, [first, ...rest]]) => {
      const phase = (key) => median(rest.map(({ phases }) => phases[key] ?? 0));
      const [text, encode, denoise, decode] = ["text", "encode", "denoise", "decode"].map(phase);
      const evaluation = denoise / settings.evaluations;
      const needed = name.startsWith("ours") ? operations.evaluationWithoutText : operations.evaluation;
      const rate = needed / evaluation;
      const row = {
        seconds: median(rest.map(({ seconds }) => seconds)),
        best: Math.min(...rest.map(({ seconds }) => seconds)),
        each: rest.map(({ seconds }) => seconds),
        otherCores: rest.map(({ others }) => others),
        phases: { textAndEncode: text + encode, denoise, evaluation, decode },
        evaluationRate: rate,
        evaluationShareOfLimit: rate / limit,
        decodeShareOfLimit: operations.decode / decode / limit,
        start: ready[name].start,
        load: ready[name].load,
        first: first.seconds,
        ...memory[name],
        ...(cold[name] && { cold: cold[name] }),
      };
      return [name, row];
    }),
  );
  return { settings, machine, versions, ratios: ratios(engines), engines, operations, limit, rates };
}

/** How many times as fast as diffusers: of the medians, of the best, and of the rounds one by one. */
function ratios(engines) {
  const ratio = (ours, theirs) => ({
    median: theirs.seconds / ours.seconds,
    best: theirs.best / ours.best,
    rounds: theirs.each.map((seconds, i) => seconds / ours.each[i]),
  });
  const { ours, ours_int8: int8, diffusers, diffusers_bf16: bf16 } = engines;
  return {
    ours_to_diffusers: ratio(ours, diffusers),
    ours_to_diffusers_bf16: ratio(ours, bf16),
    ...(int8 && { int8_to_diffusers: ratio(int8, diffusers), int8_to_diffusers_bf16: ratio(int8, bf16) }),
  };
}

export function printTables({ settings, machine, versions, ratios, engines, operations, limit, rates, int8 }) {
  const { size, side, steps, evaluations, threads, rounds } = settings;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  console.log(`${machine.processor}, ${threads} threads of ${machine.cores} cores; ${named.join(", ")}`);
  console.log(`${size} size, ${side} px, ${steps} steps of 3 evaluations, median of ${rounds} pictures taking turns\n`);
  const rows = Object.entries(TITLES).filter(([name]) => engines[name]);
  const table = (head, line) => {
    const lines = [head, ...rows.map(([name, title]) => [title, ...line(engines[name], name)])];
    const widths = head.map((_, c) => Math.max(...lines.map((cells) => cells[c].length)));
    for (const cells of lines) console.log(`  ${cells.map((cell, c) => cell.padEnd(widths[c])).join("  ")}`.trimEnd());
    console.log();
  };
  table(["seconds", "a picture", "best", "text+encode", "an evaluation", "decode"], ({ seconds, best, phases }) => [
    seconds.toFixed(2),
    best.toFixed(2),
    phases.textAndEncode.toFixed(2),
    phases.evaluation.toFixed(3),
    phases.decode.toFixed(2),
  ]);
  table(["memory", "peak anonymous", "peak resident"], ({ peakAnonymous, peakResident }) => [
    gigabytes(peakAnonymous),
    gigabytes(peakResident),
  ]);
  table(
    ["seconds", "start to ready", "of which loading", "first picture", "cold: to ready", "first picture"],
    (one) => [
      one.start.toFixed(2),
      one.load.toFixed(2),
      one.first.toFixed(2),
      ...(one.cold ? [one.cold.start, one.cold.first].map((n) => n.toFixed(2)) : ["", ""]),
    ],
  );
  table(["of the limit", "UNet", "decoder"], (one) => [
    `${percent(one.evaluationShareOfLimit)} (${giga(one.evaluationRate)} GFLOP/s)`,
    percent(one.decodeShareOfLimit),
  ]);
  const products = Object.entries(rates).map(([name, list]) => `${name} ${giga(Math.max(...list))}`);
  console.log(
    `  limit: ${giga(limit)} GFLOP/s, the best float32 product of 2048x2048 matrices (${products.join(", ")})`,
  );
  const { text, encode, evaluation, evaluationWithoutText, decode } = operations;
  console.log(
    `  GFLOP: text ${giga(text)}, encode ${giga(encode)}, a UNet evaluation ${giga(evaluation)} ` +
      `(${giga(evaluationWithoutText)} with the sentence's part remembered), decode ${giga(decode)}; ${evaluations} evaluations`,
  );
  for (const [name, { median: value, best, rounds: each }] of Object.entries(ratios))
    console.log(`  ${name}: ${value.toFixed(2)} times as fast (best ${best.toFixed(2)}, rounds ${range(each)})`);
  const others = Math.max(...Object.values(engines).flatMap(({ otherCores }) => otherCores));
  console.log(`  other processes took up to ${others.toFixed(2)} cores while a picture was drawn`);
  if (int8) console.log(`  int8 ${int8}`);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const range = (values) => `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(2)} GB`;
const giga = (n) => (n / 1e9).toFixed(n < 1e11 ? 1 : 0);
const percent = (share) => `${(100 * share).toFixed(0)}%`;
