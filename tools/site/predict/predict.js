// Predictions that take an answer, tools/site/predictions.py: the result of the cell below stays folded until the reader
// has guessed, or wants to see it without. Guesses stay in this browser. Without this script nothing is folded.
(() => {
  "use strict";
  const STORE = "course-guesses";
  const words = JSON.parse(document.currentScript.dataset.predict);
  const t = (sentence, values = {}) => (words[sentence] ?? sentence).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  };
  const VERDICTS = [t("I was not right"), t("I was right")];
  /** All guesses by their place; a browser that keeps nothing has none. */
  const read = () => {
    try { return JSON.parse(localStorage.getItem(STORE)) || {}; } catch { return {}; }
  };
  const keep = (place, changes) => {
    const all = read();
    if (changes) all[place] = { ...all[place], ...changes };
    else delete all[place];
    try { localStorage.setItem(STORE, JSON.stringify(all)); } catch { /* a private window: the guess lives as long as the page */ }
    return all[place];
  };

  // -- the record ----------------------------------------------------------------------------------------------------

  const record = () => {
    const all = Object.entries(read());
    const right = all.filter(([, guess]) => guess.right).length, judged = all.filter(([, guess]) => "right" in guess).length;
    const rows = all.map(([, guess]) => make("tr", {},
      make("td", {}, make("a", { href: guess.address, onclick: () => dialog.close() }, guess.chapter)), make("td", {}, guess.question), make("td", {}, guess.text),
      make("td", {}, "right" in guess ? VERDICTS[Number(guess.right)] : "–")));
    const head = [t("Page"), t("Question"), t("My guess"), t("Was I right?")].map((title) => make("th", { scope: "col" }, title));
    const table = make("div", { class: "guess-table", tabindex: 0, role: "region", "aria-label": t("My guesses") }, make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
    const dialog = make("dialog", { class: "guess-record", "aria-label": t("My guesses"), onclose: () => dialog.remove() },
      make("h2", {}, t("My guesses")),
      make("p", {}, t("{right} of {judged} were right, {all} in all. They are kept in this browser and go nowhere.", { right, judged, all: all.length })),
      table,
      make("p", { class: "guess-buttons" }, make("button", { type: "button", onclick: () => dialog.close() }, t("Close")),
        make("button", { type: "button", onclick: () => { localStorage.removeItem(STORE); dialog.close(); location.reload(); } }, t("Forget them all"))));
    document.body.append(dialog);
    dialog.showModal();
  };

  // -- a prediction --------------------------------------------------------------------------------------------------

  /** The output of the first cell after the prediction, with nothing but text between them. */
  const outputOf = (box) => {
    for (let next = box.nextElementSibling; next && !next.matches("section, .admonition.guess"); next = next.nextElementSibling) {
      const output = next.matches(".cell") && next.querySelector(".cell_output");
      if (output) return output;
    }
    return null;
  };
  const seen = {};
  for (const box of document.querySelectorAll(".admonition.guess")) {
    const section = (box.closest("section[id]") || { id: "" }).id, count = seen[section] = (seen[section] || 0) + 1;
    const page = location.pathname.split("/").pop().replace(/\.html$/, "");
    const place = `${page}#${section}${count > 1 ? `-${count}` : ""}`; // the same in every language
    const output = outputOf(box), options = [...box.querySelectorAll("li")];
    const name = `guess-${section}-${count}`;
    const field = options.length ? null : make("input", { type: "text", autocomplete: "off", size: 16 });
    const line = make("p", { class: "guess-line" });
    const form = make("form", { class: "guess-form", onsubmit: (event) => {
      event.preventDefault();
      const chosen = form.querySelector("input:checked"), text = field ? field.value.trim() : chosen ? chosen.closest("label").textContent.trim() : "";
      if (!text) { (field || form.querySelector("input")).focus(); return; }
      const asked = box.querySelectorAll(":scope > p:not(.admonition-title)");
      show(keep(place, { text, chapter: (document.querySelector("h1") || document.body).firstChild.textContent.trim(), question: asked.length ? asked[asked.length - 1].textContent.trim() : "", address: `${location.pathname}#${section}` }) || { text });
      line.focus();
    } });
    if (field) form.append(make("label", {}, t("My guess"), " ", field));
    for (const option of options) {
      const label = make("label", {}, make("input", { type: "radio", name }), make("span", {}, ...[...option.childNodes].map((node) => node.cloneNode(true))));
      form.append(label);
    }
    if (options.length) options[0].parentNode.replaceWith(form);
    else box.append(form);
    form.append(make("button", { type: "submit" }, t("Keep it and see")));
    if (!output) continue;
    const wait = make("p", { class: "guess-wait" }, t("The result is folded until you have guessed."), " ", make("button", { type: "button", onclick: () => open() }, t("See it without a guess")));
    const read_on = output.closest(".cell").nextElementSibling; // the paragraph that says what came out
    const folded = [output, ...(read_on && read_on.matches("p") ? [read_on] : [])];
    const open = () => {
      for (const part of folded) part.removeAttribute("hidden");
      wait.remove();
    };
    /** The result with the guess above it. */
    const show = (guess) => {
      open();
      const judge = [true, false].map((right) => make("button", { type: "button", "aria-pressed": String(guess.right === right), onclick: () => show(keep(place, { right }) || { ...guess, right }) }, VERDICTS[Number(right)]));
      line.replaceChildren(make("span", {}, t("My guess: {text}", { text: guess.text })), make("span", { class: "guess-buttons" }, ...judge, make("button", { type: "button", onclick: record }, t("My guesses"))));
      line.tabIndex = -1;
      output.before(line);
      if (field) field.value = guess.text;
    };
    const kept = read()[place];
    if (kept) { show(kept); continue; }
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && folded.some((part) => part.contains(target))) continue;
    for (const part of folded) {
      part.setAttribute("hidden", "until-found"); // a search in the page finds what is folded
      part.addEventListener("beforematch", open);
    }
    document.addEventListener("course-live", open); // who runs the cells sees all that was printed
    output.before(wait);
  }
})();
