/** What the page about a run adds to the looks of the page about a corpus. */
import { Html } from "../../corpus/show/html.js";

export const runCss = new Html(`
:root { --c0: #0a6ebd; --c1: #c2540a; --c2: #0a8f68; --c3: #8a4fc0; }
@media (prefers-color-scheme: dark) { :root { --c0: #6cb4f0; --c1: #ff9a5c; --c2: #4fd0a5; --c3: #c79bf0; } }
svg { display: block; width: 100%; height: auto; margin: .4rem 0 .2rem; font: 11px system-ui, sans-serif; fill: var(--soft); }
svg .grid { stroke: var(--line); }
svg .resumed { stroke: var(--soft); stroke-dasharray: 3 3; }
polyline { fill: none; stroke-linejoin: round; }
.curve { stroke-width: 1.8; }
.raw { stroke-width: 1; opacity: .35; }
.c-ink { stroke: var(--ink); } .c-0 { stroke: var(--c0); } .c-1 { stroke: var(--c1); } .c-2 { stroke: var(--c2); } .c-3 { stroke: var(--c3); }
circle.c-ink { fill: var(--ink); } circle.c-0 { fill: var(--c0); } circle.c-1 { fill: var(--c1); } circle.c-2 { fill: var(--c2); }
circle.c-3 { fill: var(--c3); }
.key { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; }
.key i { display: inline-block; width: .9rem; height: .2rem; border-radius: .1rem; margin-right: .35rem; vertical-align: .22rem; }
.key b { color: var(--ink); font-weight: 600; font-variant-numeric: tabular-nums; }
i.c-ink { background: var(--ink); } i.c-0 { background: var(--c0); } i.c-1 { background: var(--c1); } i.c-2 { background: var(--c2); }
i.c-3 { background: var(--c3); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1rem; margin-top: 1.5rem; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1rem; }
.tile b { display: block; font-size: 1.3rem; font-weight: 600; line-height: 1.3; }
.tile span { color: var(--soft); font-size: .85rem; }
.sheets { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(11rem, 45%), 1fr)); gap: 1rem; }
.sheets img { max-height: none; image-rendering: pixelated; }
.starts h3 { margin: 1.2rem 0 .5rem; }
.list td { overflow-wrap: anywhere; }
.starts .list tr:first-child > * { border-top: 0; }
details { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1rem; }
summary { cursor: pointer; }
pre { overflow-x: auto; font-size: .85rem; line-height: 1.4; }
`);
