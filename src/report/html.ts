// `--html FILE`: the report as one page that needs nothing from anywhere: style, script and charts are inside, numbers
// come from the summary and the timeline. Its parts are in html/.

import type { SecondWindow } from "../load/result.ts";
import { coursePart } from "./html/course.ts";
import { headingPart, tilesPart } from "./html/heading.ts";
import { html, scriptJson, verbatim } from "./html/markup.ts";
import { metricSections } from "./html/metric-tables.ts";
import { SCRIPT } from "./html/script.ts";
import { STYLE } from "./html/style.ts";
import {
  accountingTable,
  checkTable,
  errorTable,
  generatorTable,
  thresholdTable,
  warningList,
  workflowTable,
} from "./html/tables.ts";
import { Timeline } from "./html/timeline.ts";
import type { Summary } from "./summary-schema.ts";

export { Timeline } from "./html/timeline.ts";

/** Even a page that somehow held foreign markup could load and send nothing. */
const CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
const FOOTER =
  "Times are service times, apart from response_time, which counts from an iteration's intended start. " +
  "Percentiles are nearest-rank over all samples of all cores, within 0.1 %.";

/**
 * The whole page as text, well under 1 MB. `history`: the job's seconds, or a Timeline that took them in while the job
 * ran (for long runs: its memory does not grow).
 */
export function htmlReport(summary: Summary, history: Timeline | readonly SecondWindow[]): string {
  const points = (history instanceof Timeline ? history : timelineOf(history)).points(summary.job.durationMs);
  const { charts, readouts } = coursePart(points, summary.accounting.disturbed);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${verbatim(CONTENT_POLICY)}" />
        <meta name="referrer" content="no-referrer" />
        <title>${summary.job.name} · hyperscale report</title>
        <style>
          ${verbatim(STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${headingPart(summary)} ${tilesPart(summary)}
          <div class="charts">${charts}</div>
          ${thresholdTable(summary)} ${checkTable(summary)} ${errorTable(summary)} ${warningList(summary)}
          ${workflowTable(summary)} ${metricSections(summary)} ${accountingTable(summary)} ${generatorTable(summary)}
          <footer>${FOOTER}</footer>
        </main>
        <script type="application/json" id="readouts">
          ${scriptJson(readouts)}
        </script>
        <script>
          ${verbatim(SCRIPT)};
        </script>
      </body>
    </html> `.text;
}

function timelineOf(windows: readonly SecondWindow[]): Timeline {
  const timeline = new Timeline();
  for (const window of windows) timeline.second(window);
  return timeline;
}
