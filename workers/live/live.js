// Keeps the page current, section by section. The page is whole without it.
"use strict";
(() => {
  if (!window.EventSource) return;
  const place = (name) => document.getElementById(name);
  const hold = place("hold"), stream = place("stream"), waiting = {}, shown = {};
  const show = () => {
    for (const [name, html] of Object.entries(waiting)) {
      const section = place(name);
      if (section && shown[name] !== html) section.innerHTML = shown[name] = html;
      delete waiting[name];
    }
  };
  hold.addEventListener("click", () => {
    const held = hold.getAttribute("aria-pressed") !== "true";
    hold.setAttribute("aria-pressed", String(held));
    stream.textContent = held ? "This page holds still." : "This page keeps itself current.";
    if (!held) show();
  });
  place("live").hidden = false;
  const events = new EventSource("/events");
  events.onmessage = (message) => {
    Object.assign(waiting, JSON.parse(message.data));
    if (hold.getAttribute("aria-pressed") !== "true") {
      stream.textContent = "This page keeps itself current.";
      show();
    }
  };
  events.onerror = () => { stream.textContent = "The server has ended; what stands here is what was seen last."; };
})();
