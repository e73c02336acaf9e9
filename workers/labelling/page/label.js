"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const answers = [...document.querySelectorAll("#answers button")];
  const WORDS = { 1: "matches", 2: "does_not", 3: "unsafe", u: "cannot_tell" };
  const SAID = { matches: "Matches", does_not: "Does not", unsafe: "Unsafe", cannot_tell: "Cannot tell" };
  let pair = null; // what is asked about
  let since = 0; // when it was shown
  let away = 0; // for how long the window was not looked at since
  let left = 0; // when it was left
  let busy = true;

  const trouble = (text) => {
    by("trouble").textContent = text;
    by("trouble").hidden = text === "";
  };

  const picture = (place, how) => `/picture/${place}/${how}`;

  const lock = (on) => {
    busy = on;
    for (const one of answers) one.setAttribute("aria-disabled", String(on));
  };

  const show = (state, told) => {
    const count = `${state.done} of ${state.of}`;
    by("count").textContent = count;
    by("who").textContent = `· ${state.labeller}`;
    by("bar").max = Math.max(1, state.of);
    by("bar").value = state.done;
    by("undo").disabled = !state.undo;
    by("undo-last").hidden = !state.undo;
    for (const one of answers) one.classList.remove("said");
    pair = state.pair;
    by("asking").hidden = pair === null;
    by("done").hidden = pair !== null;
    if (pair === null) {
      by("told").textContent = told;
      by("asked").textContent = `All ${state.of} judged.`;
      document.querySelector("#done h2").focus();
      return;
    }
    const image = by("picture");
    image.src = picture(pair.place, pair.blurred ? "blurred" : "clear");
    image.width = pair.width;
    image.height = pair.height;
    image.classList.toggle("small", Math.max(pair.width, pair.height) < 200);
    image.classList.toggle("veiled", pair.blurred);
    image.alt = pair.blurred ? "The picture, blurred" : "The picture to judge";
    by("show").hidden = !pair.blurred;
    const caption = by("caption");
    caption.textContent = pair.caption; // text, never markup: strangers wrote it
    caption.scrollTop = 0;
    if (pair.language) caption.lang = pair.language;
    else caption.removeAttribute("lang");
    by("host").textContent = "Show the host";
    by("host").disabled = false;
    by("told").textContent = told;
    by("asked").textContent = `Pair ${state.done + 1} of ${state.of}: ${pair.caption || "no text"}`;
    since = performance.now();
    away = 0;
    if (state.next !== null) new Image().src = picture(state.next, "clear");
  };

  const ask = async (address, said) => {
    lock(true);
    try {
      const given = said === undefined ? {} : { method: "POST", body: JSON.stringify(said) };
      const answer = await fetch(address, given);
      const state = await answer.json();
      if (state.error) trouble(state.error);
      else trouble("");
      return state.done === undefined ? null : state;
    } catch {
      trouble("Not saved: pairtrawl does not answer. Is it still running? Answer again when it is.");
      return null;
    } finally {
      lock(false);
    }
  };

  const judge = async (word) => {
    if (busy || pair === null) return;
    const button = answers.find((one) => one.dataset.word === word);
    button.classList.add("said");
    const seconds = Math.max(0, performance.now() - since - away) / 1000;
    const state = await ask("/judge", { place: pair.place, verdict: word, seconds });
    button.classList.remove("said");
    if (state) show(state, `Saved: ${SAID[word]}.`);
  };

  const undo = async () => {
    if (busy) return;
    const state = await ask("/undo", {});
    if (state) show(state, "Undone.");
  };

  const uncover = () => {
    if (pair === null || by("show").hidden) return;
    by("picture").src = picture(pair.place, "clear");
    by("picture").alt = "The picture to judge";
    by("picture").classList.remove("veiled");
    by("show").hidden = true;
    by("caption").focus(); // not an answer: a second press of the space bar would give it
  };

  for (const one of answers) one.addEventListener("click", () => judge(one.dataset.word));
  by("undo").addEventListener("click", undo);
  by("undo-last").addEventListener("click", undo);
  by("show").addEventListener("click", uncover);
  by("host").addEventListener("click", async () => {
    const asked = pair;
    const answer = await fetch(`/host/${asked.place}`);
    const { host } = await answer.json();
    if (pair !== asked) return;
    by("host").textContent = host || "no host";
    by("host").disabled = true;
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) left = performance.now();
    else away += performance.now() - left;
  });
  document.addEventListener("keydown", (event) => {
    if (!by("keys").checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase();
    if (WORDS[key]) judge(WORDS[key]);
    else if (key === "z" || key === "backspace") undo();
    else if (key === " " && !by("show").hidden) uncover();
    else return;
    event.preventDefault();
  });

  ask("/state").then((state) => state && show(state, ""));
})();
