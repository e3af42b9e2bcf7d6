/** Markdown of cards: tables, and text from outside that stays text. */

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(inline).join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

/** Text on one line that Markdown and HTML leave as it is. */
export function inline(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*_[\]<>|&]/g, "\\$&");
}
