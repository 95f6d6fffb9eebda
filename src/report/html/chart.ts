// One line chart over time as inline SVG that stretches with the page: lines in the SVG, all text in HTML beside it, so
// that nothing is distorted. The read-out under the pointer is script.ts.

import { formatDuration } from "../../base/units.ts";
import { html, NOTHING, verbatim, type Markup } from "./markup.ts";

export type ChartLine = {
  readonly name: string;
  /** One of the colours of style.ts: "a" to "e". */
  readonly color: string;
  /** One per point; null: no value there, the line breaks. */
  readonly values: readonly (number | null)[];
  readonly isArea?: boolean;
  /** Thin and dashed: a limit or a bound. */
  readonly isFaint?: boolean;
};

export type ChartSpec = {
  readonly title: string;
  readonly note: string;
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  /** Values are whole: so are the marks of the axis. */
  readonly isWhole?: boolean;
};

/** Time axis shared by all charts of a page, in seconds. `centers`: middle of each point. */
export type TimeAxis = {
  readonly seconds: number;
  readonly centers: readonly number[];
  /** Stretches to shade, in seconds. */
  readonly disturbed: readonly { readonly from: number; readonly to: number; readonly why: string }[];
};

/** What the script shows for each point: `texts[line][point]`, and where its dot stands, in percent of the height. */
export type ChartReadout = { readonly texts: readonly (readonly string[])[]; readonly heights: readonly (readonly (number | null)[])[] };

const WIDTH = 1_000;
const HEIGHT = 300;
const GRID_LINES = 4;

/** The chart as a card. `index`: its place in the page's list of read-outs. */
export function chart(spec: ChartSpec, axis: TimeAxis, index: number): Markup {
  const top = niceTop(spec);
  const marks = Array.from({ length: GRID_LINES + 1 }, (_, at) => (top * at) / GRID_LINES);
  return html`<figure class="card chart" data-chart="${index}">
<figcaption><h3>${spec.title}</h3><span class="note">${spec.note}</span></figcaption>
<ul class="legend">${spec.lines.map((line, at) => legendEntry(line, spec, at))}</ul>
<div class="plot" tabindex="0" role="img" aria-label="${spec.title} over time: ${describe(spec)}">
${marks.map((mark) => html`<i class="grid" style="bottom:${percent(mark / top)}"><b>${spec.format(mark)}</b></i>`)}
${axis.disturbed.map((stretch) => shade(stretch, axis))}
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">${spec.lines.map((line) => paths(line, axis, top))}</svg>
<i class="cursor" hidden></i>${spec.lines.map((line) => html`<i class="dot c-${line.color}" hidden></i>`)}
</div>
<div class="ticks">${timeTicks(axis.seconds).map((second) => html`<span${second > axis.seconds * 0.95 ? verbatim(' class="end"') : NOTHING} style="left:${percent(second / axis.seconds)}">${tickText(second)}</span>`)}</div>
</figure>`;
}

/** The numbers behind the chart for the script. */
export function readout(spec: ChartSpec): ChartReadout {
  const top = niceTop(spec);
  return {
    texts: spec.lines.map(({ values }) => values.map((value) => (value === null ? "–" : spec.format(value)))),
    heights: spec.lines.map(({ values }) => values.map((value) => (value === null ? null : Number(((value / top) * 100).toFixed(2))))),
  };
}

function legendEntry(line: ChartLine, spec: ChartSpec, at: number): Markup {
  const most = Math.max(...line.values.map((value) => value ?? 0), 0);
  const overall = `max ${spec.format(most)}`;
  return html`<li class="c-${line.color}${line.isFaint === true ? " faint" : ""}"><i></i>${line.name} <output data-line="${at}" data-overall="${overall}">${overall}</output></li>`;
}

function describe(spec: ChartSpec): string {
  return spec.lines.map(({ name, values }) => `${name} at most ${spec.format(Math.max(...values.map((value) => value ?? 0), 0))}`).join(", ");
}

function shade(stretch: TimeAxis["disturbed"][number], axis: TimeAxis): Markup {
  const from = Math.min(1, stretch.from / axis.seconds);
  const to = Math.min(1, stretch.to / axis.seconds);
  return html`<i class="shade" style="left:${percent(from)};width:${percent(Math.max(0.002, to - from))}" title="disturbed: ${stretch.why}"></i>`;
}

function paths(line: ChartLine, axis: TimeAxis, top: number): Markup {
  const runs = unbroken(line.values);
  const x = (at: number): string => (((axis.centers[at] ?? 0) / axis.seconds) * WIDTH).toFixed(1);
  const y = (value: number): string => (HEIGHT - (value / top) * HEIGHT).toFixed(1);
  const drawn = runs.map((run) => run.map(({ at, value }, first) => `${first === 0 ? "M" : "L"}${x(at)} ${y(value)}`).join("") + (run.length === 1 ? "h0" : ""));
  const area = line.isArea !== true ? NOTHING : html`<path class="area" d="${verbatim(runs.map((run, at) => {
    const last = run[run.length - 1];
    const first = run[0];
    return first === undefined || last === undefined ? "" : `${drawn[at]}L${x(last.at)} ${HEIGHT}L${x(first.at)} ${HEIGHT}Z`;
  }).join(""))}"/>`;
  return html`<g class="c-${line.color}${line.isFaint === true ? " faint" : ""}">${area}<path class="line" d="${verbatim(drawn.join(""))}"/></g>`;
}

/** Stretches of values without a hole. */
function unbroken(values: readonly (number | null)[]): readonly (readonly { readonly at: number; readonly value: number }[])[] {
  const runs: { at: number; value: number }[][] = [];
  let isOpen = false;
  values.forEach((value, at) => {
    if (value === null) {
      isOpen = false;
      return;
    }
    if (!isOpen) runs.push([]);
    isOpen = true;
    runs[runs.length - 1]?.push({ at, value });
  });
  return runs;
}

const TOPS = [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10, 12, 16, 20];

/** A round upper end of the axis at or above the largest value, good to divide by the grid. */
function niceTop(spec: ChartSpec): number {
  const most = Math.max(...spec.lines.flatMap(({ values }) => values.map((value) => value ?? 0)), 0);
  if (most <= 0) return spec.isWhole === true ? GRID_LINES : 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const isGood = (top: number): boolean => top >= most && (spec.isWhole !== true || top % GRID_LINES === 0);
  return TOPS.map((factor) => Number((factor * power).toPrecision(3))).find(isGood) ?? 20 * power;
}

const TICK_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400];

/** At most seven round instants from 0 on, in seconds. */
function timeTicks(seconds: number): readonly number[] {
  const step = TICK_SECONDS.find((one) => seconds / one <= 6) ?? Math.ceil(seconds / 6 / 86_400) * 86_400;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, at) => at * step);
}

/** 600 -> "10m", not "10m0s". */
function tickText(second: number): string {
  return formatDuration(second * 1_000).replace(/(?<=m)0s$/, "").replace(/(?<=h)0m$/, "");
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(2)}%`;
}
