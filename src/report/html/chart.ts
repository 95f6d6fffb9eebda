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

/** What the script shows: `texts[line][point]`, and how high the dot stands there, in percent of the height. */
export type ChartReadout = {
  readonly texts: readonly (readonly string[])[];
  readonly heights: readonly (readonly (number | null)[])[];
};

const WIDTH = 1_000;
const HEIGHT = 300;
const GRID_LINES = 4;

/** The chart as a card. `index`: its place in the page's list of read-outs. */
export function chart(spec: ChartSpec, axis: TimeAxis, index: number): Markup {
  const top = niceTop(spec);
  return html`<figure class="card chart" data-chart="${index}">
    <figcaption>
      <h3>${spec.title}</h3>
      <span class="note">${spec.note}</span>
    </figcaption>
    <ul class="legend">
      ${spec.lines.map((line, at) => legendEntry(line, spec, at))}
    </ul>
    <div class="plot" tabindex="0" role="img" aria-label="${spec.title} over time: ${describe(spec)}">
      ${gridParts().map((part) => gridLine(part, spec.format(top * part)))}
      ${axis.disturbed.map((stretch) => shade(stretch, axis))}
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
        ${spec.lines.map((line) => drawing(line, axis, top))}
      </svg>
      <i class="cursor" hidden></i>${spec.lines.map(({ color }) => html`<i class="dot c-${color}" hidden></i>`)}
    </div>
    <div class="ticks">${timeTicks(axis.seconds).map((second) => tick(second, axis))}</div>
  </figure>`;
}

/** The numbers behind the chart for the script. */
export function readout(spec: ChartSpec): ChartReadout {
  const top = niceTop(spec);
  const height = (value: number): number => Number(((value / top) * 100).toFixed(2));
  return {
    texts: spec.lines.map(({ values }) => values.map((value) => (value === null ? "–" : spec.format(value)))),
    heights: spec.lines.map(({ values }) => values.map((value) => (value === null ? null : height(value)))),
  };
}

function legendEntry(line: ChartLine, spec: ChartSpec, at: number): Markup {
  const overall = `max ${spec.format(mostOf([line]))}`;
  return html`<li class="${classes(line)}">
    <i></i>${line.name} <output data-line="${at}" data-overall="${overall}">${overall}</output>
  </li>`;
}

function classes({ color, isFaint }: ChartLine): string {
  return isFaint === true ? `c-${color} faint` : `c-${color}`;
}

function describe(spec: ChartSpec): string {
  return spec.lines.map((line) => `${line.name} at most ${spec.format(mostOf([line]))}`).join(", ");
}

/** Heights of the grid's lines, 0..1. */
function gridParts(): number[] {
  return Array.from({ length: GRID_LINES + 1 }, (_, at) => at / GRID_LINES);
}

function gridLine(ratio: number, text: string): Markup {
  return html`<i class="grid" style="bottom:${percent(ratio)}"><b>${text}</b></i>`;
}

function tick(second: number, axis: TimeAxis): Markup {
  const place = second / axis.seconds;
  return html`<span class="${place > 0.95 ? "end" : ""}" style="left:${percent(place)}">${tickText(second)}</span>`;
}

function shade(stretch: TimeAxis["disturbed"][number], axis: TimeAxis): Markup {
  const from = Math.min(1, stretch.from / axis.seconds);
  const width = Math.max(0.002, Math.min(1, stretch.to / axis.seconds) - from);
  const place = `left:${percent(from)};width:${percent(width)}`;
  return html`<i class="shade" style="${place}" title="disturbed: ${stretch.why}"></i>`;
}

function drawing(line: ChartLine, axis: TimeAxis, top: number): Markup {
  const x = (at: number): string => (((axis.centers[at] ?? 0) / axis.seconds) * WIDTH).toFixed(1);
  const y = (value: number): string => (HEIGHT - (value / top) * HEIGHT).toFixed(1);
  let strokes = "";
  let area = "";
  for (const run of unbroken(line.values)) {
    const [first, last] = [run[0], run[run.length - 1]];
    if (first === undefined || last === undefined) continue;
    const path = run.map(({ at, value }, step) => `${step === 0 ? "M" : "L"}${x(at)} ${y(value)}`).join("");
    // A line of no length with round ends is a dot: a value that stands alone is seen.
    strokes += run.length === 1 ? `${path}h0` : path;
    area += `${path}L${x(last.at)} ${HEIGHT}L${x(first.at)} ${HEIGHT}Z`;
  }
  const filled = line.isArea === true ? html`<path class="area" d="${verbatim(area)}" />` : NOTHING;
  return html`<g class="${classes(line)}">${filled}<path class="line" d="${verbatim(strokes)}" /></g>`;
}

type Vertex = { readonly at: number; readonly value: number };

/** Stretches of values without a hole. */
function unbroken(values: ChartLine["values"]): readonly (readonly Vertex[])[] {
  const runs: Vertex[][] = [];
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

function mostOf(lines: readonly ChartLine[]): number {
  return Math.max(...lines.flatMap(({ values }) => values.map((value) => value ?? 0)), 0);
}

const TOPS = [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10, 12, 16, 20];

/** A round upper end of the axis at or above the largest value, good to divide by the grid. */
function niceTop(spec: ChartSpec): number {
  const most = mostOf(spec.lines);
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
  return formatDuration(second * 1_000)
    .replace(/(?<=m)0s$/, "")
    .replace(/(?<=h)0m$/, "");
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(2)}%`;
}
