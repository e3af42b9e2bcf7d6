/** What the page about an evaluation adds to the looks of the page about a corpus. */
import { Html } from "../../corpus/show/html.js";

export const evaluationCss = new Html(`
:root { --k0: #0a6ebd; --k1: #c2540a; --k2: #0a8f68; --k3: #8a4fc0; --k4: #9a7a00; --k5: #b3376f; --k6: #4b6b8a; --k7: #6d6d6d; }
@media (prefers-color-scheme: dark) { :root { --k0: #6cb4f0; --k1: #ff9a5c; --k2: #4fd0a5; --k3: #c79bf0; --k4: #e0c050; --k5: #f08ab8;
  --k6: #9dbbd8; --k7: #b0b0b0; } }
a { color: var(--present); }
td a { color: inherit; text-decoration-color: var(--soft); }
.range { display: block; color: var(--soft); font-size: .78rem; }
.paper { color: var(--soft); }
.charts { grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); }
svg { display: block; width: 100%; height: auto; font: 10px system-ui, sans-serif; fill: var(--soft); }
svg .grid { stroke: var(--line); }
svg .ideal { stroke: var(--soft); stroke-dasharray: 3 3; }
polyline { fill: none; stroke-width: 1.4; stroke-linejoin: round; }
.k0 { stroke: var(--k0); } .k1 { stroke: var(--k1); } .k2 { stroke: var(--k2); } .k3 { stroke: var(--k3); }
.k4 { stroke: var(--k4); } .k5 { stroke: var(--k5); } .k6 { stroke: var(--k6); } .k7 { stroke: var(--k7); }
.k0 polyline { stroke-width: 2.4; }
circle { fill: var(--card); stroke-width: 1.4; }
.key { display: flex; flex-wrap: wrap; gap: .1rem .9rem; }
.key i { display: inline-block; width: .9rem; border-top: .2rem solid; margin-right: .35rem; vertical-align: .22rem; }
i.k0 { border-color: var(--k0); } i.k1 { border-color: var(--k1); } i.k2 { border-color: var(--k2); } i.k3 { border-color: var(--k3); }
i.k4 { border-color: var(--k4); } i.k5 { border-color: var(--k5); } i.k6 { border-color: var(--k6); } i.k7 { border-color: var(--k7); }
.row { grid-template-columns: repeat(4, 1fr); }
.row img { max-height: none; }
section h3 { margin: 1.3rem 0 .6rem; }
.chart h3 { margin: 0 0 .4rem; }
.card h4 { margin: 0; font-size: .95rem; overflow-wrap: anywhere; }
details { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .6rem 1rem; margin-top: 1rem; }
summary { cursor: pointer; }
.all { columns: 22rem; font-size: .82rem; margin: .6rem 0 0; padding: 0; list-style: none; }
.all li { overflow-wrap: anywhere; }
.notes { white-space: pre-line; }
`);
