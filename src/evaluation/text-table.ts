/** Tables of text for a terminal and for a README: header first; dataset, task and metric are names, the other columns numbers. */

/** Columns of names, left-aligned. */
const NAMES = 3;

/** Aligned columns below a title; a repeated dataset or task is left blank. */
export function textReport(title: string, table: readonly (readonly string[])[], notes: readonly string[]): string {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  const pad = (cell: string, column: number) =>
    column < NAMES ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  const print = (cells: readonly string[]) => cells.map(pad).join("  ").trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  const body = table.slice(1).map((line, index) => {
    const above = index === 0 ? [] : table[index]!;
    const sameDataset = line[0] === above[0];
    const sameTask = sameDataset && line[1] === above[1];
    return print(line.map((cell, column) => ((column === 0 && sameDataset) || (column === 1 && sameTask) ? "" : cell)));
  });
  return [title, "", print(table[0]!), rule, ...body, ...(notes.length > 0 ? ["", ...notes] : []), ""].join("\n");
}

/** A GitHub table, the notes below it. */
export function markdownReport(table: readonly (readonly string[])[], notes: readonly string[]): string {
  const [head, ...body] = table;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = line(head!.map((_, column) => (column < NAMES ? "---" : "---:")));
  return [line(head!), rule, ...body.map(line), "", ...notes.map((note) => `${note}  `), ""].join("\n");
}
