/** Bar charts as tables: readable without colours, without pictures and by a screen reader. */
import { type Html, html } from "./html.js";
import type { Balance } from "./statistics.js";

/** `1234567` as `1,234,567`. */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

export function share(part: number, whole: number): string {
  return whole === 0 ? "0%" : `${((100 * part) / whole).toFixed(part > 0 && part < whole / 100 ? 1 : 0)}%`;
}

/** One bar a row, with the count and its share of `whole`. */
export function bars(caption: string, rows: readonly (readonly [string, number])[], whole: number): Html {
  const longest = Math.max(1, ...rows.map(([, count]) => count));
  return table(
    caption,
    rows.map(([name, count]) =>
      row(name, [bar("present", count, longest)], `${grouped(count)} (${share(count, whole)})`),
    ),
  );
}

/** One bar a row, in two parts: present and absent. */
export function balanceBars(caption: string, rows: readonly (readonly [string, Balance])[]): Html {
  const longest = Math.max(1, ...rows.map(([, { present, absent }]) => present + absent));
  return table(
    caption,
    rows.map(([name, { present, absent }]) =>
      row(
        name,
        [bar("present", present, longest), bar("absent", absent, longest)],
        absent > 0 ? `${grouped(present)} + ${grouped(absent)}` : grouped(present),
      ),
    ),
  );
}

/** What the two parts of a bar mean. */
export const legend = html`<p class="legend"><span class="swatch present"></span>present <span class="swatch absent"></span>absent</p>`;

function table(caption: string, rows: readonly Html[]): Html {
  return html`<table class="bars"><caption>${caption}</caption><tbody>${rows}</tbody></table>`;
}

function row(name: string, parts: readonly Html[], numbers: string): Html {
  return html`<tr><th scope="row"><span title="${name}">${name}</span></th><td class="bar"><div>${parts}</div></td><td class="number">${numbers}</td></tr>`;
}

function bar(kind: keyof Balance, count: number, longest: number): Html {
  return html`<span class="${kind}" style="width:${((100 * count) / longest).toFixed(2)}%"></span>`;
}
