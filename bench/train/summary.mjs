/** What `npm run bench:train` measured as objects, and those as tables. */

/**
 * One table: of each engine its median and best update in seconds, samples a second, peak memory in bytes and, of ours, the share of the
 * machine's limit. Ratios are peer / ours, of the medians: above 1 ours is faster.
 */
export function summary({ name, samples, updates, step, whole }, found) {
  const limit = Math.max(...Object.values(found).flatMap(({ rates }) => rates));
  const engines = Object.fromEntries(
    Object.entries(found).map(([engine, { seconds, waited, others, peakAnonymous, ready, loss }]) => {
      const middle = median(seconds);
      const { operations = null } = ready;
      const row = {
        seconds: middle,
        best: Math.min(...seconds),
        each: seconds,
        samplesPerSecond: samples / middle,
        peakAnonymous,
        waited: waited / seconds.reduce((sum, one) => sum + one, 0),
        operations,
        shareOfLimit: operations && operations / middle / limit,
        start: ready.start,
        otherCores: Math.max(...others),
        versions: ready.versions,
        loss,
      };
      return [engine, row];
    }),
  );
  const ratio = ([ours, theirs]) => ({
    of: `${ours} to ${theirs}`,
    speed: engines[theirs].seconds / engines[ours].seconds,
    best: engines[theirs].best / engines[ours].best,
    memory: engines[theirs].peakAnonymous / engines[ours].peakAnonymous,
  });
  const ratios = { step: ratio(step), ...(whole && { whole: ratio(whole) }) };
  return { name, updates, limit, engines, ratios };
}

export function printTables({ processor, cores, threads, rounds }, tables) {
  console.log(`${processor}, ${threads} threads of ${cores} cores, ${rounds} rounds taking turns`);
  for (const { name, updates, limit, engines, ratios } of tables) {
    const versions = Object.assign({}, ...Object.values(engines).map((one) => one.versions));
    console.log(`\n${name}; ${Object.entries(versions).flat().join(" ")}; ${updates} updates a round`);
    const lines = [
      ["", "an update", "best", "samples/s", "peak memory", "of the limit", "waiting for data", "other cores"],
      ...Object.entries(engines).map(([engine, one]) => [
        engine,
        `${one.seconds.toFixed(3)} s`,
        `${one.best.toFixed(3)} s`,
        one.samplesPerSecond.toFixed(2),
        `${(one.peakAnonymous / 1e9).toFixed(2)} GB`,
        one.shareOfLimit ? `${(100 * one.shareOfLimit).toFixed(0)}%` : "",
        one.shareOfLimit ? `${(100 * one.waited).toFixed(1)}%` : "",
        one.otherCores.toFixed(2),
      ]),
    ];
    const widths = lines[0].map((_, c) => Math.max(...lines.map((cells) => cells[c].length)));
    for (const cells of lines) console.log(`  ${cells.map((cell, c) => cell.padEnd(widths[c])).join("  ")}`.trimEnd());
    console.log(`  limit: ${(limit / 1e9).toFixed(0)} GFLOP/s, the best large matrix product`);
    for (const { of, speed, best, memory } of Object.values(ratios))
      console.log(
        `  ${of}: ${speed.toFixed(2)} times as fast (best ${best.toFixed(2)}); memory ${memory.toFixed(2)} to 1`,
      );
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
