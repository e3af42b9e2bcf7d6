/** Latency and memory of one step of the small model on the example photo. */
import { fileURLToPath } from "node:url";
import { load } from "../inference/index.js";

const RUNS = 40;
const photo = fileURLToPath(new URL("../../examples/cat.jpg", import.meta.url));
const sentences = ["Segment the cat", "Detect the cat", "Estimate the depth of this image", "Is there a cat?"];

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const before = process.memoryUsage.rss();
const start = performance.now();
const perceiver = await load();
const loaded = performance.now() - start;

const phases: Record<string, number[]> = {};
for (let i = 0; i < RUNS + sentences.length; i++) {
  const { timings } = await perceiver.perceive(photo, sentences[i % sentences.length]!, { steps: 1, seed: i });
  if (i < sentences.length) continue; // the first of each sentence warms up
  for (const [phase, ms] of Object.entries(timings)) phases[phase] = [...(phases[phase] ?? []), ms];
}
const after = process.memoryUsage.rss();
await perceiver.close();

console.log(`  load           ${loaded.toFixed(0)} ms`);
for (const [phase, times] of Object.entries(phases)) {
  times.sort((a, b) => a - b);
  const [min, median] = [times[0]!, times[Math.floor(times.length / 2)]!];
  console.log(`  ${phase.padEnd(14)} p50 ${median.toFixed(1)} ms, min ${min.toFixed(1)} ms`);
}
console.log(`  memory         ${mebibytes(after)} after ${RUNS} answers, Node alone ${mebibytes(before)}`);
console.log(`  peak memory    ${mebibytes(process.resourceUsage().maxRSS * 1024)}`);
