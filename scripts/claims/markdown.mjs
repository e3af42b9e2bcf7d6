/** The tables and plots of docs/claims.md from the numbers of docs/claims.json. */
import { differences, overSteps, svgOf } from "./plots.mjs";

const LOWER_IS_BETTER = new Set(["RMSE (m)", "AbsRel"]);
const digits = (value) => (value === null || value === undefined ? "-" : value.toFixed(3));
const signed = (value) => (value > 0 ? `+${digits(value)}` : digits(value));
const lines = (head, rows) =>
  [head, head.map((name) => (name.startsWith(">") ? "---:" : "---")), ...rows]
    .map((cells) => `| ${cells.map((cell) => String(cell).replace(/^>/, "")).join(" | ")} |`)
    .join("\n");

/** Which of both is better when the interval leaves out 0, "-" when it does not. */
function winner({ metric, difference, low, high }, [first, second]) {
  if (low === null || (low <= 0 && high >= 0)) return "-";
  return difference > 0 === LOWER_IS_BETTER.has(metric) ? second : first;
}

/** @param {string} [titled] head of a first column for the rows' titles */
function comparison(rows, names, titled) {
  const some = rows.some(({ wording }) => wording !== "template");
  return lines(
    [
      ...(titled ? [titled] : []),
      "dataset",
      "metric",
      ...(some ? ["wording"] : []),
      ...names.map((name) => `>${name}`),
      ">difference (95 %)",
      "better",
      ">n",
    ],
    rows.map((row) => [
      ...(titled ? [row.title] : []),
      ...[
        row.dataset,
        `${row.task}: ${row.metric}`,
        ...(some ? [row.wording] : []),
        digits(row.value),
        digits(row.against),
      ],
      `${signed(row.difference)} (${signed(row.low)} to ${signed(row.high)})`,
      ...[winner(row, names), row.n],
    ]),
  );
}

/** Values with their intervals, a column for each series (or number of steps). */
function values(rows, columnOf = ({ series }) => series, withBaseline = false) {
  const columns = [...new Set(rows.map(columnOf))];
  const groups = new Map();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return lines(
    ["dataset", "metric", ...columns.map((name) => `>${name}`), ...(withBaseline ? [">baseline"] : []), ">n"],
    [...groups.values()].map((group) => [
      ...[group[0].dataset, `${group[0].task}: ${group[0].metric}`],
      ...columns.map((name) => ranged(group.find((row) => columnOf(row) === name))),
      ...(withBaseline ? [digits(group[0].baseline)] : []),
      group[0].n,
    ]),
  );
}
const keyOf = ({ dataset, task, metric }) => `${dataset}/${task}/${metric}`;
const ranged = (row) => (row ? `${digits(row.value)} (${digits(row.low)} to ${digits(row.high)})` : "-");

/** A line each: where a model was measured. */
const alone = (rows) =>
  lines(
    ["answers", "dataset", "metric", ">value (95 %)", ">baseline", ">n"],
    rows.map((row) => [
      row.series,
      row.dataset,
      `${row.task}: ${row.metric}`,
      ranged(row),
      digits(row.baseline),
      row.n,
    ]),
  );

/** The numbers of one recipe trained twice. @param first rows with the value of one training @param second of the other */
const twice = (first, second) =>
  lines(
    ["dataset", "metric", "wording", ">bfloat16", ">float32 (95 %)", ">difference", ">n"],
    second.map((row) => {
      const same = (one) => keyOf(one) === keyOf(row) && one.wording === row.wording;
      const other = first.find(same).value;
      return [
        ...[row.dataset, `${row.task}: ${row.metric}`, row.wording, digits(other), ranged(row)],
        ...[signed(row.value - other), row.n],
      ];
    }),
  );

const steps = ({ steps: count }) => `${count}`;

/** Tables by the names of their marks in the page. */
export function markdown(numbers) {
  return {
    generalist: comparison(numbers.generalist, ["generalist", "specialist"]),
    prompts: comparison(numbers.prompts, ["rephrased", "fixed"]),
    wording: comparison(numbers.wording, ["unseen", "template"], "trained on"),
    datasets: alone(numbers.datasets),
    heldOut: comparison(numbers.heldOut, ["never asked", "asked"]),
    heldOutAlone: alone(numbers.heldOutAlone),
    others: comparison(numbers.others, ["never asked", "asked"]),
    steps: values(numbers.steps, steps, true),
    stepsAgainstOne: comparison(numbers.stepsAgainstOne, ["more steps", "1 step"], "steps"),
    timesteps: comparison(numbers.timesteps, ["85 % at the last", "15 %"]),
    guidance: values(numbers.guidance),
    guidanceAgainstNone: comparison(numbers.guidanceAgainstNone, ["guided", "1, 1"], "scales"),
    predictions: values(numbers.predictions, ({ series, steps: count }) => `${series}, ${count}`),
    terminal: comparison(numbers.terminal, ["zero", "above zero"], "steps"),
    outlines: comparison(numbers.outlines, ["broad", "thin"]),
    depthGreys: comparison(numbers.depthGreys, ["linear", "logarithmic"]),
    again: twice(numbers.generalist, numbers.again),
    cuts: comparison(numbers.cuts, ["best overlap", "one half"]),
    ceilings: alone(numbers.ceilings),
  };
}

/** What the plots show of each task: between 0 and 1, higher is better. */
const SHOWN = new Set(["delta1", "IoU (present classes asked)", "AP@.5 (present classes asked)", "balanced accuracy"]);
const shown = (rows) => rows.filter(({ metric }) => SHOWN.has(metric));
const named = ({ dataset, task, metric }) => `${dataset} ${task}: ${metric.replace(" (present classes asked)", "")}`;
const asDifferences = (rows, seriesOf) =>
  shown(rows)
    .filter(({ low }) => low !== null)
    .map((row) => ({
      name: named(row),
      series: seriesOf(row),
      difference: row.difference,
      low: row.low,
      high: row.high,
    }));
const asSteps = (rows) => shown(rows).map((row) => ({ ...row, panel: named(row) }));

/** SVG by file name. */
export async function plots(numbers) {
  const specs = {
    generalist: differences(
      asDifferences(numbers.generalist, ({ wording }) => wording),
      "generalist minus specialist",
    ),
    prompts: differences(
      asDifferences(numbers.prompts, ({ wording }) => wording),
      "rephrased minus fixed",
    ),
    steps: overSteps(asSteps(numbers.steps)),
    guidance: differences(
      asDifferences(numbers.guidanceAgainstNone, ({ title }) => title),
      "text scale, image scale minus no guidance",
    ),
    predictions: overSteps(asSteps(numbers.predictions)),
    outlines: differences(
      asDifferences([...numbers.outlines, ...numbers.depthGreys], ({ wording }) => wording),
      "broad outlines minus thin, linear greys minus logarithmic",
    ),
  };
  const drawn = {};
  for (const [name, spec] of Object.entries(specs)) if (numbers[name].length > 0) drawn[name] = await svgOf(spec);
  return drawn;
}
