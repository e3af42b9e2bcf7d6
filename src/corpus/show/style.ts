/** Looks of the page: the reader's own fonts, light or dark as the reader's system is. */
import { Html } from "./html.js";

export const css = new Html(`
:root { color-scheme: light dark; --paper: #f7f7f5; --card: #fff; --ink: #1d1d1f; --soft: #63636a; --line: #dededa; --track: #ececea;
  --present: #2f6fd0; --absent: #d98324; }
@media (prefers-color-scheme: dark) { :root { --paper: #17181a; --card: #202225; --ink: #ececee; --soft: #a2a2aa; --line: #36383c;
  --track: #2c2e32; --present: #6ea2f2; --absent: #e0a155; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.2rem; }
h3 { margin: 0; font-size: 1rem; line-height: 1.35; overflow-wrap: anywhere; }
header p, footer { margin: 0; color: var(--soft); }
footer { margin-top: 2.5rem; font-size: .85rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr)); gap: 1rem; align-items: start; }
.chart, .card, .list { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.chart { padding: 1rem 1.1rem; min-width: 0; }
.wide { grid-column: 1 / -1; }
.bars { width: 100%; border-collapse: collapse; table-layout: fixed; margin-bottom: 1rem; }
.bars:last-child { margin-bottom: 0; }
.bars caption { text-align: left; font-weight: 600; padding-bottom: .35rem; }
.bars th { width: 9.5rem; font-weight: 400; text-align: left; padding: .1rem .6rem .1rem 0; }
.wide .bars th { width: 62%; }
.bars th span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.wide .bars th span { white-space: normal; line-height: 1.3; }
.bar div { display: flex; height: .8rem; border-radius: .2rem; overflow: hidden; background: var(--track); }
.bars .number { width: 9rem; padding-left: .6rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar .present, .swatch.present { background: var(--present); }
.bar .absent, .swatch.absent { background: var(--absent); }
.legend { margin: -.5rem 0 1rem; color: var(--soft); font-size: .85rem; }
.legend:last-child { margin-bottom: 0; }
.swatch { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem; margin: 0 .3rem 0 .6rem; vertical-align: -.05rem; }
.swatch:first-child { margin-left: 0; }
.scroll { overflow-x: auto; }
.list { border-collapse: separate; border-spacing: 0; width: 100%; }
.list th, .list td { text-align: left; vertical-align: top; padding: .4rem .8rem; border-top: 1px solid var(--line); }
.list thead th { border-top: 0; color: var(--soft); font-weight: 600; }
.list tbody th { font-weight: 600; white-space: nowrap; }
.list .number { text-align: right; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(33rem, 100%), 1fr)); gap: 1rem; }
.card { padding: .9rem 1rem; min-width: 0; }
.row { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; margin: .6rem 0 .4rem; }
figure { margin: 0; min-width: 0; }
img { display: block; width: 100%; max-height: 22rem; object-fit: fill; border-radius: .3rem; border: 1px solid var(--line); }
.target { image-rendering: pixelated; }
figcaption, .source { color: var(--soft); font-size: .82rem; }
.facts, .source { margin: 0; overflow-wrap: anywhere; }
.chip { display: inline-block; padding: 0 .5rem; border-radius: 1rem; color: #fff; font-size: .82rem; font-weight: 600; }
.chip.present { background: #2c7a45; }
.chip.absent { background: #a5423a; }
`);
