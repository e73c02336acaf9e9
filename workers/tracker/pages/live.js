// Keeps the dashboard's numbers current. The page is whole without it.
"use strict";
(() => {
  const place = (name) => document.getElementById(name);
  place("live-address").textContent = location.origin;
  if (!window.EventSource) return;
  const shown = { done: "live-done", total: "live-total", pairs: "live-pairs", workers: "live-workers",
    accounts: "live-accounts", leases: "live-leases", hour: "live-hour", waiting: "live-waiting" };
  const events = new EventSource("/events");
  events.onmessage = (message) => {
    const told = JSON.parse(message.data);
    for (const [name, id] of Object.entries(shown)) {
      if (typeof told[name] === "number") place(id).textContent = told[name].toLocaleString("en-US");
    }
    place("live-share").textContent = told.share;
    const bar = place("progress-bar");
    if (bar && told.total > 0) bar.setAttribute("width", Math.min(100, 100 * told.done / told.total) + "%");
    place("live").hidden = false;
  };
  events.onerror = () => { place("live").hidden = true; };
})();
