"use strict";
// Searches the rows that the page embeds. What it shows was written by strangers: it becomes text, never markup.
(() => {
  const part = (id) => document.getElementById("search-" + id);
  const form = part("form");
  if (!form) return;
  const SHOWN = 60;
  const [words, host, ended, told, found] = ["words", "host", "ended", "told", "found"].map(part);
  // NFKC and case folding: upper case first, for \u00df and SS are one; the last line makes the sigmas one
  const folded = (value) =>
    value.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC").replaceAll("\u03c2", "\u03c3");
  let rows = [];
  let folds = [];

  const element = (name, content, className) => {
    const made = document.createElement(name);
    made.textContent = content;
    if (className) made.className = className;
    return made;
  };

  const line = ([caption, where, kept, reason, score]) => {
    const item = document.createElement("li");
    const shown = element("bdi", caption || "(no caption)");
    shown.dir = "auto";
    const small = element("span", "", "small");
    small.append(element("span", kept ? "kept" : reason || "rejected", kept ? "yes" : "no"));
    if (typeof score === "number") small.append(", " + Number(score.toPrecision(3)));
    if (where) {
      small.append(" \u00b7 ");
      small.append(element("bdi", where));
    }
    item.append(shown, small);
    return item;
  };

  const search = () => {
    if (rows.length === 0) {
      // at the first search, so that the page is there at once
      rows = JSON.parse(part("rows").textContent);
      folds = rows.map(([caption, where]) => [folded(caption), folded(where)]);
    }
    const wanted = folded(words.value).split(/\s+/u).filter(Boolean);
    const place = folded(host.value).trim();
    const asked = wanted.length > 0 || place !== "" || ended.value !== "";
    const hits = [];
    let count = 0;
    for (let row = 0; asked && row < rows.length; row++) {
      if (ended.value !== "" && String(rows[row][2]) !== ended.value) continue;
      const [caption, where] = folds[row];
      if (!where.includes(place) || !wanted.every((word) => caption.includes(word) || where.includes(word))) continue;
      count++;
      if (hits.length < SHOWN) hits.push(rows[row]);
    }
    found.replaceChildren(...hits.map(line));
    const number = (value) => value.toLocaleString("en");
    told.textContent = asked
      ? `${number(count)} of ${number(rows.length)} rows` + (form.dataset.sample ? ", the sample" : "") +
        (count > SHOWN ? `; the first ${SHOWN} are shown` : "")
      : "";
  };

  let later = 0;
  const soon = () => {
    clearTimeout(later);
    later = setTimeout(search, 120);
  };
  words.addEventListener("input", soon);
  host.addEventListener("input", soon);
  ended.addEventListener("change", search);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter") search();
  });
  form.hidden = false;
  part("off").hidden = true;
})();
