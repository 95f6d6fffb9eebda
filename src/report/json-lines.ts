// `-o json=FILE`: k6's JSON lines. A Metric line the first time a metric is seen, then a Point line per metric, tag set
// and second. Not the summary (summary.ts).

import type { Tags } from "../load/series.ts";
import type { LineFormat } from "./output.ts";
import { pointsOf, type Tested } from "./points.ts";

/**
 * Lines `{"metric","type":"Metric","data":{name,type,contains,thresholds,submetrics}}` and
 * `{"metric","type":"Point","data":{time,value,tags}}`: time is RFC 3339 of the second's start, values in the metric's
 * own unit (ms, bytes). Trends add count, min, max, p50, p95, p99 of the second, rates add count. As in k6,
 * thresholds of tagged sub-metrics are not listed.
 */
export function jsonLines({ thresholds: judged, tags: ofTest }: Tested): LineFormat {
  const declared = new Set<string>();
  return {
    head: () => "",
    second(window) {
      const time = new Date(window.epochMs).toISOString();
      let text = "";
      for (const { metric, type, contains, tags, value, extra } of pointsOf(window, ofTest)) {
        if (!declared.has(metric)) {
          declared.add(metric);
          const thresholds = judged.filter(({ metricKey }) => metricKey === metric).map(({ expression }) => expression);
          const data = { name: metric, type, contains, thresholds, submetrics: null };
          text += `${JSON.stringify({ metric, type: "Metric", data })}\n`;
        }
        text += `${JSON.stringify({ metric, type: "Point", data: { time, value, tags: tagsOf(tags), ...extra } })}\n`;
      }
      return text;
    },
  };
}

/** What k6 calls a scenario is a workflow here: whoever reads k6's lines looks for that name. */
function tagsOf(tags: Tags): Tags {
  const { workflow } = tags;
  return workflow === undefined ? tags : { ...tags, scenario: workflow };
}
