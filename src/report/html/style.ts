// The style sheet of the HTML report: light and dark by the reader's own setting, one column on a narrow screen, no
// fonts or images from anywhere. Colours are named by what they are for.

export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --edge: #e3e6eb; --grid: #eceef2; --text: #1b2230; --soft: #667085; --bar: #e9ecf1;
  --good: #12805c; --good-page: #e5f5ee; --bad: #c4323f; --bad-page: #fdecec; --warn: #9a6200; --warn-page: #fff4dc;
  --a: #2f6fed; --b: #0e9488; --c: #d98a00; --d: #cf3d6e; --e: #7b52d9;
  --shadow: 0 1px 2px rgb(16 24 40 / 5%), 0 1px 3px rgb(16 24 40 / 4%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1116; --card: #171b22; --edge: #272d37; --grid: #232933; --text: #e6e9ef; --soft: #97a1b2;
    --bar: #2a313c; --shadow: none;
    --good: #45c795; --good-page: #12281f; --bad: #ff7b81; --bad-page: #2f1719; --warn: #eab54d; --warn-page: #2b2210;
    --a: #6ea0ff; --b: #3fc9bb; --c: #f0b14a; --d: #ff7fa6; --e: #ae90ff;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 32px 24px 48px; }
h1, h2, h3, p, ul, figure { margin: 0; padding: 0; }
h1 { font-size: 28px; line-height: 1.2; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 36px 0 12px; }
h3 { font-size: 14px; font-weight: 600; }
code, td.code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
.brand {
  font-size: 12px; font-weight: 600; letter-spacing: .09em; text-transform: uppercase; color: var(--soft);
  margin-bottom: 6px;
}
.title { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; }
.facts { display: flex; flex-wrap: wrap; gap: 2px 22px; margin-top: 8px; color: var(--soft); font-size: 13.5px; }
.facts b { font-weight: 500; color: var(--text); }
.badge {
  display: inline-block; padding: 1px 10px; border-radius: 999px; font-size: 13px; font-weight: 600;
  background: var(--bar); color: var(--soft); white-space: nowrap;
}
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .soft { color: var(--soft); }
.badge.good { background: var(--good-page); }
.badge.bad { background: var(--bad-page); }
.badge.warn { background: var(--warn-page); }
.banner {
  margin-top: 16px; padding: 12px 16px; border-radius: 10px; border-left: 4px solid; background: var(--bar);
  overflow-wrap: anywhere;
}
.banner.good { background: var(--good-page); }
.banner.bad { background: var(--bad-page); }
.banner.warn { background: var(--warn-page); }
.banner p { color: var(--text); } .banner strong { color: inherit; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; box-shadow: var(--shadow); }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 12px; margin-top: 20px; }
.tile { padding: 14px 16px; min-width: 0; }
.tile span { display: block; font-size: 12.5px; color: var(--soft); }
.tile strong {
  display: block; font-size: 24px; line-height: 1.3; font-weight: 650; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums; white-space: nowrap;
}
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; margin-top: 12px; }
.chart { padding: 14px 16px 12px; min-width: 0; display: flex; flex-direction: column; }
figcaption { display: flex; justify-content: space-between; gap: 12px; }
.note { font-size: 12.5px; color: var(--soft); font-variant-numeric: tabular-nums; }
.legend {
  list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 4px 0 14px; font-size: 12.5px;
  color: var(--soft); min-height: 20px;
}
.legend i {
  display: inline-block; width: 10px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: middle;
  background: var(--ink);
}
.legend output { color: var(--text); font-weight: 550; font-variant-numeric: tabular-nums; margin-left: 3px; }
.c-a { --ink: var(--a); }
.c-b { --ink: var(--b); }
.c-c { --ink: var(--c); }
.c-d { --ink: var(--d); }
.c-e { --ink: var(--e); }
.plot {
  position: relative; height: 190px; margin: auto 0 0 56px; cursor: crosshair; touch-action: pan-y;
  outline-offset: 4px; border-radius: 2px;
}
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.line {
  fill: none; stroke: var(--ink); stroke-width: 1.75; vector-effect: non-scaling-stroke; stroke-linejoin: round;
  stroke-linecap: round;
}
.area { fill: var(--ink); opacity: .13; }
.faint .line { stroke-dasharray: 4 4; stroke-width: 1.25; opacity: .75; } .faint i { opacity: .6; }
.grid { position: absolute; left: 0; right: 0; border-top: 1px solid var(--grid); }
.grid b {
  position: absolute; right: 100%; top: -9px; margin-right: 8px; font-size: 11.5px; line-height: 18px;
  font-weight: 400; font-style: normal; color: var(--soft); white-space: nowrap; font-variant-numeric: tabular-nums;
}
.shade { position: absolute; top: 0; bottom: 0; background: var(--warn); opacity: .14; }
.cursor { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--soft); pointer-events: none; }
.dot {
  position: absolute; width: 9px; height: 9px; margin: 0 0 -4.5px -4.5px; border-radius: 50%; background: var(--ink);
  border: 2px solid var(--card); pointer-events: none;
}
[hidden] { display: none !important; }
.ticks { position: relative; height: 18px; margin: 6px 0 0 56px; font-size: 11.5px; color: var(--soft); }
.ticks span {
  position: absolute; transform: translateX(-50%); white-space: nowrap; font-variant-numeric: tabular-nums;
}
.ticks span:first-child { transform: none; } .ticks span.end { transform: translateX(-100%); }
.scroll { overflow-x: auto; } .scroll + .scroll { border-top: 12px solid var(--page); }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; font-size: 12.5px; color: var(--soft); white-space: nowrap; }
th, td { padding: 8px 16px; border-bottom: 1px solid var(--edge); vertical-align: top; }
tr:last-child > td, tr:last-child > th[scope=row] { border-bottom: 0; }
th[scope=row] {
  color: var(--text); font-size: 13.5px; font-weight: 550; white-space: normal; overflow-wrap: anywhere;
  min-width: 150px;
}
.tight { width: 1%; white-space: nowrap; padding-right: 0; }
.n { text-align: right; white-space: nowrap; }
.keys th[scope=row] { min-width: 310px; }
td.wrap { overflow-wrap: anywhere; white-space: pre-wrap; min-width: 240px; }
.meter {
  display: inline-block; width: 84px; height: 6px; border-radius: 3px; background: var(--bar); overflow: hidden;
  vertical-align: middle; margin-right: 10px;
}
.meter i { display: block; height: 100%; background: var(--good); border-radius: 3px; }
.meter + span { display: inline-block; min-width: 60px; text-align: right; }
.meter.bad i { background: var(--bad); } .meter.plain i { background: var(--a); }
.small { font-size: 12.5px; margin-top: 8px; } .gap { margin-top: 12px; }
.list { list-style: none; padding: 4px 0; }
.list li { padding: 8px 16px; border-bottom: 1px solid var(--edge); overflow-wrap: anywhere; }
.list li:last-child { border-bottom: 0; }
details { margin-top: 12px; }
summary { cursor: pointer; padding: 12px 16px; font-weight: 550; }
summary .soft { font-weight: 400; margin-left: 8px; font-size: 13.5px; }
details[open] > summary { border-bottom: 1px solid var(--edge); }
footer { margin-top: 36px; font-size: 12.5px; color: var(--soft); }
@media (max-width: 1000px) { .tiles { grid-template-columns: repeat(3, 1fr); } }
@media (max-width: 760px) {
  main { padding: 20px 14px 32px; }
  h1 { font-size: 24px; }
  .charts { grid-template-columns: 1fr; }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: 10px; }
  .tile { padding: 11px 13px; } .tile strong { font-size: 21px; }
  th, td { padding: 7px 12px; } .list li, summary { padding-left: 12px; padding-right: 12px; }
  .meter { display: none; } .keys th[scope=row] { min-width: 190px; }
  .plot { height: 160px; margin-left: 50px; } .ticks { margin-left: 50px; }
  .ticks span:nth-child(even) { display: none; }
}
@media print {
  body { background: none; } .card { box-shadow: none; break-inside: avoid; } main { padding: 0; max-width: none; }
}
`;
