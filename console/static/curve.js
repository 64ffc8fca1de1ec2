// Draws the equity curve out of /equity.json: net liquidation over the last day, and at each close.
"use strict";
(() => {
  const EVERY_MS = 10000;
  const GAP_S = 900; // the worker writes a figure every ten minutes, changed or not
  const MINUTE = 60;
  const DAY = 86400;
  const INCREMENTS = {
    day: [1, 5, 10, 30, 60, 120, 180, 360, 720].map((minutes) => minutes * MINUTE),
    closes: [1, 7, 14, 30, 90, 180, 365].map((days) => days * DAY),
  };
  const place = document.getElementById("equity");
  const choice = document.querySelector("#equity-panel .choice");
  if (!place || typeof uPlot === "undefined") return;
  const empty = place.querySelector(".none");
  let range = "day";
  let curves = [];
  let plots = [];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const amount = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 });

  const signed = (value, digits) =>
    (value < 0 ? "−" : "+") + Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

  const moment = (seconds) => {
    const written = new Date(seconds * 1000).toISOString();
    return range === "closes" ? written.slice(0, 10) : written.slice(11, 16);
  };

  function options(curve) {
    const axis = { stroke: colour("--faint-plain"), grid: { stroke: colour("--grid-plain"), width: 1 }, ticks: { show: false } };
    return {
      width: Math.max(place.clientWidth, 240),
      height: 170,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "UTC"),
      legend: { show: false },
      cursor: { y: false },
      axes: [
        { ...axis, size: 24, space: 90, incrs: INCREMENTS[range], values: (_, all) => all.map((each) => moment(each)) },
        { ...axis, size: 78, values: (_, all) => all.map((each) => amount(each)) },
      ],
      series: [
        {},
        { label: curve.account, stroke: colour("--curve-plain"), width: 2, points: { show: range === "closes" } },
      ],
    };
  }

  // Times and amounts; where no worker was there for a while the line is broken.
  function columns(points) {
    const times = [];
    const amounts = [];
    for (const [time, value] of points) {
      const before = times.at(-1);
      if (range === "day" && before !== undefined && time - before > GAP_S) {
        times.push(before + 1);
        amounts.push(null);
      }
      times.push(time);
      amounts.push(value);
    }
    return [times, amounts];
  }

  function draw() {
    for (const each of plots) each.destroy();
    plots = [];
    place.replaceChildren();
    for (const curve of curves) {
      const points = curve[range];
      if (points.length < 2) continue;
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const first = points[0][1];
      const last = points[points.length - 1][1];
      const change = first > 0 ? `, ${signed((last / first - 1) * 100, 2)} %` : "";
      caption.textContent = `${curve.account} ${curve.currency}: ${amount(first)} to ${amount(last)} (${signed(last - first, 0)}${change})`;
      figure.append(caption);
      place.append(figure);
      const data = columns(points);
      plots.push(new uPlot(options(curve), data, figure));
    }
    if (!plots.length) {
      empty.textContent =
        range === "closes"
          ? "Fewer than two closes are on record yet: the worker adds one after each session."
          : "The curve begins with the first two figures: the worker records one a minute.";
      place.append(empty);
    }
  }

  async function read() {
    if (document.hidden) return;
    try {
      const answer = await fetch("/equity.json", { credentials: "same-origin" });
      if (!answer.ok) return;
      curves = await answer.json();
      draw();
    } catch {
      // the sign at the top says that the page is not live
    }
  }

  choice.hidden = false;
  choice.addEventListener("click", (event) => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    range = chosen.dataset.range;
    for (const each of choice.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === chosen));
    draw();
  });
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  read();
  window.setTimeout(read, 6000); // two samples are needed for a line
  window.setInterval(read, EVERY_MS);
})();
