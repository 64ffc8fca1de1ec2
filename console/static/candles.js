// Draws a contract's candles with their volume, and keeps drawing, sentence and table up to date.
"use strict";
(() => {
  const EVERY_MS = 5000; // the gateway sends a changed candle as often
  const SHOWN = 30; // rows of the table, as the server's
  const VOLUME_SHARE = 0.18; // of the height
  const place = document.querySelector("[data-candles]");
  if (!place || typeof uPlot === "undefined") return;
  const chart = place.querySelector(".chart");
  const told = place.querySelector(".told");
  const problem = place.querySelector("[data-problem]");
  const choice = document.querySelector("#candles-panel .choice"); // of the overview; a contract's page has links
  const contract = document.getElementById("candles-of");
  const table = document.getElementById("candle-table");
  let of = place.dataset.candles;
  let span = place.dataset.span;
  let rows = [];
  let plot = null;
  let asked = 0;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = (value, least = 2, most = 6) =>
    value.toLocaleString("en-US", { minimumFractionDigits: least, maximumFractionDigits: most }).replace("-", "−");
  const signed = (value) => (value < 0 ? "" : "+") + number(value, 2, 2);
  const began = (time) => {
    const written = new Date(time * 1000).toISOString();
    return span === "year" ? written.slice(0, 10) : `${written.slice(0, 10)} ${written.slice(11, 16)}`;
  };

  // The candles that begin a month, or an hour of the day, as few as there is room for: ticks stand there.
  const month = (time) => new Date(time * 1000).getUTCFullYear() * 12 + new Date(time * 1000).getUTCMonth();
  const PERIODS = {
    year: [1, 2, 3, 6].map((months) => (time) => Math.floor(month(time) / months)),
    day: [0.5, 1, 2, 3, 6, 12, 24].map((hours) => (time) => Math.floor(time / (hours * 3600))),
  };
  function ticks(most) {
    let found = [];
    for (const period of PERIODS[span]) {
      found = rows.flatMap(([time], at) => (at && period(time) !== period(rows[at - 1][0]) ? [at] : []));
      if (found.length <= most) break;
    }
    return found;
  }

  // The words below a tick: a month or a time of day, and the date where the day changes.
  function tick(at, before) {
    const written = began(rows[at][0]);
    if (span === "year") return written.slice(0, 7);
    const sameDay = before === undefined || began(rows[before][0]).slice(0, 10) === written.slice(0, 10);
    return sameDay ? written.slice(11) : written.slice(5);
  }

  function sentence([time, open, high, low, close, volume]) {
    const change = open ? ` (${signed((close / open - 1) * 100)} %)` : "";
    const sold = volume === null ? "" : `, volume ${number(volume, 0, 0)}`;
    return `${began(time)}: open ${number(open)}, high ${number(high)}, low ${number(low)}, close ${number(close)}${change}${sold}`;
  }

  // Candles that rose are hollow and those that fell are filled, so that colour is not needed to tell them apart.
  function candles(drawn) {
    const { ctx, bbox } = drawn;
    const [up, down, faint] = ["--up-plain", "--down-plain", "--volume-plain"].map(colour);
    const pixel = Math.max(1, Math.round(devicePixelRatio));
    const apart = Math.abs(drawn.valToPos(1, "x", true) - drawn.valToPos(0, "x", true));
    const width = Math.max(pixel, Math.floor(apart * 0.66));
    const most = Math.max(...rows.map((row) => row[5] || 0));
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineWidth = pixel;
    rows.forEach(([, open, high, low, close, volume], at) => {
      const x = Math.round(drawn.valToPos(at, "x", true));
      const left = x - Math.floor(width / 2);
      if (volume && most) {
        const height = (volume / most) * bbox.height * VOLUME_SHARE;
        ctx.fillStyle = faint;
        ctx.fillRect(left, bbox.top + bbox.height - height, width, height);
      }
      const [top, bottom, head, foot] = [Math.max(open, close), Math.min(open, close), high, low].map((price) =>
        Math.round(drawn.valToPos(price, "y", true)),
      );
      const rose = close >= open;
      ctx.fillStyle = ctx.strokeStyle = rose ? up : down;
      ctx.fillRect(x - Math.floor(pixel / 2), head, pixel, top - head);
      ctx.fillRect(x - Math.floor(pixel / 2), bottom, pixel, foot - bottom);
      const height = Math.max(bottom - top, pixel);
      if (rose && width > 3 * pixel) ctx.strokeRect(left + pixel / 2, top + pixel / 2, width - pixel, Math.max(height - pixel, 0));
      else ctx.fillRect(left, top, width, height);
    });
    lastPrice(drawn, pixel);
    ctx.restore();
  }

  function lastPrice({ ctx, bbox, valToPos }, pixel) {
    const y = Math.round(valToPos(rows.at(-1)[4], "y", true));
    ctx.strokeStyle = colour("--curve-plain");
    ctx.setLineDash([4 * pixel, 4 * pixel]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  function priceRange() {
    const low = Math.min(...rows.map((row) => row[3]));
    const high = Math.max(...rows.map((row) => row[2]));
    const room = (high - low || Math.abs(high) * 0.01 || 1) * 0.06;
    return [low - room - ((high - low) * VOLUME_SHARE) / (1 - VOLUME_SHARE), high + room];
  }

  function options() {
    const axis = { stroke: colour("--faint-plain"), grid: { stroke: colour("--grid-plain"), width: 1 }, ticks: { show: false } };
    const unseen = { paths: () => null, points: { show: false } };
    return {
      width: Math.max(chart.clientWidth, 240),
      height: Number(place.dataset.height),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: false, range: () => [-0.7, rows.length - 0.3] }, y: { range: priceRange } },
      axes: [
        {
          ...axis,
          size: 24,
          splits: (drawn) => ticks(drawn.width / 80),
          values: (_, splits) => splits.map((at, index) => tick(at, splits[index - 1])),
        },
        { ...axis, side: 1, size: 70, values: (_, all) => all.map((each) => number(each, 2, 5)) },
      ],
      series: [{}, ...["open", "high", "low", "close"].map((label) => ({ label, ...unseen }))],
      hooks: { draw: [candles], setCursor: [read] },
    };
  }

  const columns = () => [rows.map((_, at) => at), ...[1, 2, 3, 4].map((column) => rows.map((row) => row[column]))];
  const cursor = place.querySelector(".cursor");
  function read(drawn) {
    const row = rows[drawn.cursor.idx];
    cursor.textContent = row ? sentence(row) : cursor.dataset.usual;
  }

  function draw(anew) {
    chart.hidden = cursor.hidden = rows.length < 2;
    if (chart.hidden) return;
    if (plot && !anew) {
      plot.setData(columns());
      return;
    }
    if (plot) plot.destroy();
    chart.replaceChildren();
    plot = new uPlot(options(), columns(), chart);
  }

  function tell(answer) {
    if (!rows.length) told.textContent = answer.problem ? "" : answer.summary;
    else if (answer.summary) {
      told.textContent = answer.summary;
      chart.setAttribute("aria-label", answer.summary);
    }
    const old = answer.age_s > 60 ? ` Told ${answer.age_s} s ago.` : "";
    problem.hidden = !answer.problem;
    problem.textContent = answer.problem ? `Not kept up to date: ${answer.problem}${old}` : "";
    if (table) fill(table.tBodies[0]);
  }

  function fill(body) {
    body.replaceChildren(
      ...rows.slice(-SHOWN).reverse().map(([time, open, high, low, close, volume]) => {
        const line = document.createElement("tr");
        const head = document.createElement("th");
        head.scope = "row";
        head.className = "t";
        head.textContent = began(time);
        const change = open ? `${signed((close / open - 1) * 100)} %` : "– %";
        const figures = [open, high, low, close].map((each) => number(each)).concat(change, volume === null ? "–" : number(volume, 0, 8));
        const cells = figures.map((text, at) => {
          const cell = document.createElement("td");
          const tone = close > open ? "up" : close < open ? "down" : "flat";
          cell.className = { 4: `n ${tone}`, 5: "n wide" }[at] || "n";
          cell.textContent = text;
          return cell;
        });
        line.append(head, ...cells);
        return line;
      }),
    );
  }

  // Reads what is new since the last candle that is known. An answer of what was shown before is dropped.
  async function ask(anew) {
    if (document.hidden && !anew) return;
    const turn = anew ? ++asked : asked;
    const since = !anew && rows.length ? rows.at(-1)[0] : 0;
    try {
      const answer = await (await fetch(`/contracts/${of}/candles.json?span=${span}&since=${since}`, { credentials: "same-origin" })).json();
      if (turn !== asked) return;
      const count = rows.length;
      rows = since ? [...rows.filter((row) => row[0] < since), ...answer.rows] : answer.rows;
      draw(anew || rows.length !== count || !plot);
      tell(answer);
    } catch {
      // the sign at the top says that the page is not live
    }
  }

  function show() {
    rows = [];
    told.textContent = "Reading the candles…";
    draw(true);
    ask(true);
  }

  if (choice) {
    choice.hidden = false;
    choice.addEventListener("click", (event) => {
      const chosen = event.target.closest("button");
      if (!chosen) return;
      span = chosen.dataset.span;
      for (const each of choice.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === chosen));
      show();
    });
  }
  if (contract) {
    contract.hidden = false;
    contract.addEventListener("change", () => {
      of = contract.value;
      show();
    });
  }
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !plot) return;
    event.preventDefault();
    const from = plot.cursor.idx ?? rows.length - (step < 0 ? 0 : 1);
    const at = Math.min(Math.max(from + step, 0), rows.length - 1);
    plot.setCursor({ left: plot.valToPos(at, "x"), top: plot.valToPos(rows[at][4], "y") });
  });
  let width = 0;
  new ResizeObserver(() => {
    if (chart.clientWidth !== width && rows.length > 1) draw(true);
    width = chart.clientWidth;
  }).observe(place);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(true));
  ask(true);
  window.setInterval(() => ask(false), EVERY_MS);
})();
