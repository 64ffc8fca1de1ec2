// Keeps an open page live: tells whether it is, flashes figures that moved, and asks for a new sign-in when one ended.
// The pages work without it: a reload shows the same.
"use strict";
(() => {
  const QUIET_MS = 12000; // the server sends something every second, at the least `alive` every five
  const HIDDEN_MS = 60000; // a tab that nobody sees gives its connection back: browsers have six for each server
  const FLASH_MS = 700;
  const page = document.body;
  const sign = document.getElementById("live");
  let heard = Date.now();
  let source = null;
  let paused = false;
  let title = document.title.replace(/^\(\d+\) /, "");

  function tell(state, word) {
    if (!sign || sign.dataset.live === state) return;
    sign.dataset.live = state;
    sign.querySelector(".word").textContent = word;
    page.classList.toggle("lost", state === "lost");
  }

  function count() {
    const band = document.querySelector("#banner .band");
    const waiting = band ? Number(band.dataset.waiting) : 0;
    document.title = (waiting ? `(${waiting}) ` : "") + title;
  }

  page.addEventListener("htmx:sseOpen", (event) => {
    source = event.detail.source;
    source.addEventListener("alive", () => {
      heard = Date.now();
      tell("on", "live");
    });
    heard = Date.now();
    tell("on", "live");
  });
  page.addEventListener("htmx:sseMessage", () => {
    heard = Date.now();
    tell("on", "live");
    count();
  });
  page.addEventListener("htmx:sseError", () => tell("lost", "not live: connecting again"));
  page.addEventListener("htmx:sseClose", (event) => {
    if (event.detail.type === "message") window.location.reload(); // the sign-in is over
  });
  window.setInterval(() => {
    if (!paused && Date.now() - heard > QUIET_MS) tell("lost", "not live: nothing has come for a while");
  }, 1000);

  let hiding = 0;
  document.addEventListener("visibilitychange", () => {
    window.clearTimeout(hiding);
    if (document.hidden) {
      hiding = window.setTimeout(() => {
        paused = true;
        if (source) source.close();
        tell("lost", "paused");
      }, HIDDEN_MS);
    } else if (paused) {
      window.location.reload();
    }
  });

  // A figure whose value moved is marked for a moment: up or down, in colour and by its edge.
  new MutationObserver((changes) => {
    for (const { target, oldValue } of changes) {
      const before = Number(oldValue);
      const now = Number(target.dataset.v);
      if (oldValue === null || oldValue === "None" || !Number.isFinite(now) || now === before) continue;
      const way = now > before ? "rose" : "fell";
      target.classList.remove("rose", "fell");
      target.classList.add(way);
      window.setTimeout(() => target.classList.remove(way), FLASH_MS);
    }
  }).observe(page, { subtree: true, attributes: true, attributeFilter: ["data-v"], attributeOldValue: true });
})();
