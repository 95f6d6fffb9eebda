// The page's only script: moves one cursor over all charts at once and writes the values under it into the legends.
// Plain browser JavaScript as text; it reads the numbers from the element #readouts, and never builds HTML.

export const SCRIPT = `"use strict";
(() => {
  const { times, labels, charts } = JSON.parse(document.getElementById("readouts").textContent);
  const figures = [...document.querySelectorAll("[data-chart]")].map((figure) => ({
    plot: figure.querySelector(".plot"),
    note: figure.querySelector(".note"),
    noteText: figure.querySelector(".note").textContent,
    cursor: figure.querySelector(".cursor"),
    dots: [...figure.querySelectorAll(".dot")],
    outputs: [...figure.querySelectorAll("output")],
    readout: charts[Number(figure.dataset.chart)],
  }));
  let shown = -1;
  const show = (at) => {
    if (at === shown) return;
    shown = at;
    for (const { note, noteText, cursor, dots, outputs, readout } of figures) {
      const isOn = at >= 0;
      cursor.hidden = !isOn;
      if (isOn) cursor.style.left = times[at] + "%";
      note.textContent = isOn ? "at " + labels[at] : noteText;
      outputs.forEach((output, line) => {
        output.textContent = isOn ? readout.texts[line][at] : output.dataset.overall;
        const height = isOn ? readout.heights[line][at] : null;
        dots[line].hidden = height === null;
        if (height !== null) {
          dots[line].style.left = times[at] + "%";
          dots[line].style.bottom = height + "%";
        }
      });
    }
  };
  const nearest = (percent) => {
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((times[middle] + times[middle + 1]) / 2 < percent) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  for (const { plot } of figures) {
    const follow = (event) => {
      const box = plot.getBoundingClientRect();
      if (times.length > 0) show(nearest(((event.clientX - box.left) / box.width) * 100));
    };
    plot.addEventListener("pointermove", follow);
    plot.addEventListener("pointerdown", follow);
    plot.addEventListener("pointerleave", () => show(-1));
    plot.addEventListener("blur", () => show(-1));
    plot.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (step === 0 || times.length === 0) return;
      event.preventDefault();
      show(Math.max(0, Math.min(times.length - 1, (shown < 0 ? (step > 0 ? -1 : times.length) : shown) + step)));
    });
  }
})();
`;
