/** The loss picture: an SVG of loss against step, logarithmic, one line per task. */
import type { TaskName } from "../tasks/task.js";

export interface LossPoint {
  readonly step: number;
  readonly losses: Readonly<Partial<Record<TaskName | "total", number>>>;
}

const colours = {
  total: "#222222",
  segmentation: "#1f77b4",
  detection: "#d62728",
  depth: "#2ca02c",
  classification: "#9467bd",
} as const satisfies Record<TaskName | "total", string>;

const width = 800;
const height = 420;
const margin = { left: 64, right: 130, top: 16, bottom: 40 };
/** More points than pixels say nothing: neighbours are averaged. */
const maxPoints = 300;

/** A complete SVG document. Non-positive and missing values are left out. */
export function lossSvg(points: readonly LossPoint[], title: string): string {
  const names = Object.keys(colours) as (keyof typeof colours)[];
  const lines = names.map((name) => ({ name, points: thin(points, name) })).filter((line) => line.points.length > 0);
  const all = lines.flatMap((line) => line.points);
  const low = Math.floor(Math.log10(Math.min(...all.map(([, y]) => y), 1)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...all.map(([, y]) => y), 1e-9))));
  const last = Math.max(1, ...all.map(([x]) => x));
  const x = (step: number) => margin.left + (step / last) * (width - margin.left - margin.right);
  const y = (loss: number) =>
    margin.top + ((high - Math.log10(loss)) / (high - low)) * (height - margin.top - margin.bottom);

  const parts: string[] = [];
  for (let decade = low; decade <= high; decade++) {
    const at = y(10 ** decade).toFixed(1);
    parts.push(`<line x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}" stroke="#ddd"/>`);
    parts.push(
      `<text x="${margin.left - 6}" y="${at}" text-anchor="end" dominant-baseline="middle">1e${decade}</text>`,
    );
  }
  for (let i = 0; i <= 4; i++) {
    const step = Math.round((last * i) / 4);
    parts.push(
      `<text x="${x(step).toFixed(1)}" y="${height - margin.bottom + 16}" text-anchor="middle">${step}</text>`,
    );
  }
  parts.push(
    `<text x="${(width - 60) / 2}" y="${height - 6}" text-anchor="middle">${plainText(title)}: loss by step</text>`,
  );
  for (const [i, line] of lines.entries()) {
    const path = line.points.map(([step, loss]) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${colours[line.name]}" stroke-width="1.5"/>`);
    const row = margin.top + 14 + i * 18;
    parts.push(`<text x="${width - margin.right + 10}" y="${row}" fill="${colours[line.name]}">${line.name}</text>`);
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function thin(points: readonly LossPoint[], name: TaskName | "total"): [number, number][] {
  const kept = points.flatMap(({ step, losses }): [number, number][] => {
    const loss = losses[name];
    return loss !== undefined && loss > 0 && Number.isFinite(loss) ? [[step, loss]] : [];
  });
  const stride = Math.ceil(kept.length / maxPoints);
  const result: [number, number][] = [];
  for (let i = 0; i < kept.length; i += stride) {
    const some = kept.slice(i, i + stride);
    result.push([some.at(-1)![0], some.reduce((sum, [, loss]) => sum + loss, 0) / some.length]);
  }
  return result;
}

function plainText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
