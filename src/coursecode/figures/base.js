// What every figure shares: settings with their controls, the sentence that is read aloud, keyboard, playing, the state
// in the address, and the look. A figure is a class with `settings` and a method `draw`; see conv-stepper.js.
//
// A classic script, like core.js. It may run several times in a notebook: elements are defined once.
var CourseFigures = (() => {
  "use strict";
  const figures = { style: "" }; // the parts, base.matrix.js and others, add theirs

  // -- building pieces of a page -------------------------------------------------------------------------------------

  /** A piece of a page with attributes and children: h("td", { class: "hot" }, 5). on… attributes are functions. */
  const h = (name, attributes = {}, ...children) => {
    const pieces = [];
    const add = (child) => {
      if (Array.isArray(child)) child.forEach(add);
      else if (child || child === 0 || child === "") pieces.push(typeof child === "object" ? child : `${child}`);
    };
    add(children);
    return { name, attributes, children: pieces };
  };
  /** The node of a piece, with its children; a text becomes a text node, and a node is one already. */
  const make = (piece) => {
    if (typeof piece === "string") return document.createTextNode(piece);
    if (piece instanceof Node) return piece;
    const { name, attributes, children } = piece;
    const space = SVG.test(name) ? "http://www.w3.org/2000/svg" : MATH.test(name) ? "http://www.w3.org/1998/Math/MathML" : 0;
    const element = piece.node = space ? document.createElementNS(space, name) : document.createElement(name);
    dress(element, attributes);
    element.append(...children.map(make));
    return element;
  };
  const node = (...piece) => make(h(...piece));
  /** Give an element its attributes and take away those of before that it has no longer. */
  const dress = (element, attributes, before = {}) => {
    for (const key in attributes) {
      const value = attributes[key];
      if (value === before[key]) continue;
      if (key.startsWith("on")) element[key] = value;
      else if (value === false || value === undefined) element.removeAttribute(key);
      else element.setAttribute(key, value === true ? "" : value);
    }
    for (const key in before) if (!(key in attributes)) dress(element, { [key]: undefined }, { [key]: before[key] });
  };
  /**
   * Make the children of `parent` like these pieces, fresh ones by h; nothing else may change them. What is as in the
   * last call is not touched, so that a step costs the browser only that, and the focus and a half-typed number survive.
   */
  const patch = (parent, pieces) => {
    match(parent, pieces, parent.pieces || []);
    parent.pieces = pieces;
  };
  /** The same for children that were made of the pieces `before`. */
  const match = (parent, pieces, before) => {
    pieces.forEach((piece, i) => {
      const old = before[i];
      if (old === undefined) parent.append(make(piece));
      else if (!piece.name || old.name !== piece.name) {
        if (old !== piece) parent.childNodes[i].replaceWith(make(piece));
      } else {
        const node = piece.node = old.node, { value } = piece.attributes;
        dress(node, piece.attributes, old.attributes);
        if (value !== undefined && node.value !== `${value}` && !node.matches(":focus")) node.value = value;
        match(node, piece.children, old.children);
      }
    });
    for (let i = before.length; i > pieces.length; i--) parent.lastChild.remove();
  };
  const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const SVG = /^(svg|g|path|rect|line|circle|text|poly\w+)$/, MATH = /^m(ath|row|i|o|n|sub|frac|text|under)$/;

  /** A number within 0 … most. */
  const clamp = (value, most) => Math.max(0, Math.min(value, most));
  const formats = {};
  /** A number as a reader writes it: 1,234.5 with a true minus sign; at most `digits` places after the point. */
  const number = (value, digits = 2) => {
    if (Number.isInteger(value) && Math.abs(value) < 1000) return `${value}`.replace("-", "−");
    formats[digits] ||= new Intl.NumberFormat("en", { maximumFractionDigits: digits });
    const text = formats[digits].format(value);
    return (text === "-0" ? "0" : text).replace("-", "−");
  };

  const STYLE = `
    :host { display: block; margin: 0; }
    .figure {
      --cell: 2.4rem;
      --ink: var(--pst-color-text-base, var(--jp-content-font-color1, CanvasText));
      --soft: var(--pst-color-text-muted, var(--jp-content-font-color2, GrayText));
      --paper: var(--pst-color-background, var(--jp-layout-color0, Canvas));
      --raised: var(--pst-color-surface, var(--jp-layout-color2, transparent));
      --rule: var(--pst-color-border, var(--jp-border-color1, GrayText));
      --edge: color-mix(in srgb, var(--ink) 55%, var(--paper));
      --above: token(above);
      --below: token(below);
      --mark: token(mark);
      --ui: token(ui);
      --good: token(good);
      color: var(--ink); text-align: start; font-size: 1rem; font-variant-numeric: tabular-nums; line-height: 1.45;
      border: 1px solid var(--rule); border-radius: .6rem; padding: 1rem; background: var(--paper); container: figure / inline-size;
    }
    .figure * { box-sizing: border-box; }
    .board { container: board / inline-size; background: var(--paper); }
    .board.stay { position: sticky; top: var(--figure-top, 0px); z-index: 1; padding-block: .4rem; box-shadow: 0 .7rem .5rem -.6rem var(--rule); }
    .handle { position: absolute; width: 1px; height: 1px; overflow: hidden; }
    .side { min-width: 0; }
    @container figure (min-width: 40rem) {
      .body.wide { display: grid; grid-template-columns: minmax(0, 1fr) clamp(15rem, 34cqw, 18rem); gap: 1.5rem; align-items: start; }
      .wide > .side { border-inline-start: 1px solid var(--rule); padding-inline-start: 1.25rem; }
      .wide > .side > .buttons { margin-top: 0; }
      .wide > .side .controls { grid-template-columns: minmax(0, 1fr); border-top: 0; margin-top: .4rem; padding-top: 0; }
      .wide > .side .control > label { min-width: 3.6em; }
      .wide > .side .control select { flex: 1; }
      .wide > .side button { padding: .25rem .6rem; }
    }
    details.more { grid-column: 1 / -1; } summary { line-height: 44px; cursor: pointer; color: var(--soft); }
    .term { border-radius: .2rem; white-space: nowrap; }
    .term[data-lit] { background: color-mix(in srgb, var(--mark) 18%, transparent); outline: 2px solid var(--mark); }
    td[data-lit] { outline: 3px solid var(--ink); outline-offset: -3px; }
    .row { display: flex; flex-wrap: wrap; gap: 1rem; justify-content: center; align-items: center; }
    .sign { font-size: 1.5rem; color: var(--soft); }
    :focus-visible, .handle:focus-visible + .board { outline: 3px solid var(--ui); outline-offset: 2px; }
    .formula { text-align: center; margin: 1rem 0 0; font-size: 1.05rem; }
    math { font-family: "Course Math", math; font-size: 1.1em; }
    .say { margin: .9rem 0 0; padding: .55rem .8rem; border-inline-start: 4px solid var(--ui); background: color-mix(in srgb, var(--raised) 60%, transparent); min-height: 3.1em; overflow-wrap: anywhere; }
    .note { margin: 0 0 .9rem; padding: .55rem .8rem; border: 1px solid var(--below); border-inline-start-width: 4px; }
    .note::before { content: "! "; font-weight: 700; }
    .controls { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: .1rem 1.75rem; margin-top: .9rem; padding-top: .6rem; border-top: 1px solid var(--rule); }
    [hidden] { display: none !important; }
    .control { display: flex; flex-wrap: wrap; align-items: center; gap: 0 .6rem; min-height: 44px; }
    .control > label { flex: none; min-width: 5.2em; }
    .control output { min-width: 2em; text-align: end; font-weight: 600; white-space: nowrap; }
    input[type=range] { flex: 1 1 3rem; min-width: 3rem; height: 44px; margin: 0; accent-color: var(--ui); }
    input[type=checkbox] { width: 1.25rem; height: 1.25rem; margin: 0; accent-color: var(--ui); }
    label.toggle { display: flex; align-items: center; gap: .45rem; min-height: 44px; }
    .buttons { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .6rem; align-items: center; }
    button { min-width: 44px; min-height: 44px; padding: .25rem .8rem; font: inherit; font-size: .95rem; color: var(--ink); background: var(--raised); border: 1px solid var(--edge); border-radius: .4rem; cursor: pointer; }
    button[aria-pressed=true] { border-color: var(--ui); box-shadow: inset 0 -3px var(--ui); }
    select { min-height: 44px; min-width: 0; max-width: 100%; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--edge); border-radius: .4rem; padding: 0 .5rem; }
    .code { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-top: .6rem; }
    .code code { flex: 1; min-width: min(14rem, 100%); padding: .55rem .8rem; background: var(--raised); font-family: var(--pst-font-family-monospace, monospace); font-size: .85rem; overflow-wrap: anywhere; }
    .fallback { display: none; }
    @media (max-width: 30rem) { .figure { padding: .75rem; --cell: 2rem; } .row { gap: .6rem; } }
    @media (prefers-reduced-motion: reduce) { .figure * { transition: none !important; animation: none !important; } }
    @media (forced-colors: active) {
      button[aria-pressed=true], [data-lit] { outline: 2px solid Highlight; }
      .handle:focus-visible + .board { outline-color: Highlight; }
      .bar { forced-color-adjust: none; }
    }
    @media print { .figure { display: none; } .fallback { display: block; } }
    :host([poster]) :is(.side, .buttons, .code) { display: none; }
    :host([poster]) .body.wide { display: block; }
  `;

  // -- settings ------------------------------------------------------------------------------------------------------
  // { name, kind: "range", value, min, max, step }     a slider; min and max may be functions of the state
  // { name, kind: "choice", value, options }           a list
  // { name, kind: "toggle", value: 0 }                 a checkbox, 0 or 1
  // { name, kind: "hidden", … }                        no control; the figure changes it, the address holds it
  // `label` is the key of the label, where it is not the name; `more` folds it under "More settings"; `when(state)` says whether the control is of any use now; `show(value, figure)` writes a slider's value.
  // `parse(text, state)` replaces the usual reading of a text and throws what it refuses.

  class Refused extends Error {}
  const limit = (value, state) => (typeof value === "function" ? value(state) : value);
  const read = (setting, text, state) => {
    if (setting.parse) return setting.parse(text, state);
    if (setting.options) {
      if (setting.options.includes(text)) return text;
      throw new Refused(setting.options.join(", "));
    }
    const [low, high] = setting.kind === "toggle" ? [0, 1] : [limit(setting.min, state), limit(setting.max, state)];
    const value = text.trim() === "" ? NaN : Number(text);
    const step = setting.step || 1;
    if (!(value >= low && value <= high) || (step === 1 && !Number.isInteger(value))) {
      throw new Refused(`${number(low)} … ${number(high)}`);
    }
    return value;
  };

  class Base extends HTMLElement {
    static settings = [];
    /** Whether the figure walks through positions: `count(state)` of them in rows of `columns(state)`; state.at. */
    static walks = false;
    static predicts = false;
    /** Whether the controls stand beside the board where there is room. */
    static wide = true;

    // -- for figures to override --
    /** Draw `this.state` with `this.paint`; return the sentence that says in words what is seen. */
    draw() { return ""; }
    /** A problem of the settings together, as words for the reader; empty when there is none. */
    problem() { return ""; }
    /** The board has become narrow, or wide again. */
    resized() { if (this.isConnected) this.update(); }
    /** Where the arrow keys are: [place, places], as a slider tells it. */
    place({ at }) { return [at, this.count(this.state) - 1]; }
    /** The equivalent line of PyTorch, or an empty text. */
    code() { return ""; }
    count() { return 1; }
    columns() { return 1; }

    // -- for figures to use --
    /** A text of this figure in the reader's language, {name} replaced by values.name. */
    t(key, values) {
      if (!(key in this.words)) console.error(`no text ${key}`);
      return `${this.words[key]}`.replace(/\{(\w+)\}/g, (_, name) => values[name]);
    }
    /** The same as pieces: values may be pieces, such as terms. */
    told(key, values) {
      return this.words[key].split(/\{(\w+)\}/).flatMap((text, i) => (i % 2 ? values[text] : text)).map((piece) => (piece.name ? piece : `${piece}`));
    }
    /** A part of the sentence that belongs to all with the same link: they light up together. */
    term(text, link) { return h("span", { class: "term", tabindex: -1, "data-link": link }, text); }
    /** Terms with " + " between them. */
    added(terms) { return terms.flatMap((term, i) => (i ? [" + ", term] : [term])); }
    /** Show changed settings as long as a mouse is there; nothing to go back. */
    peek(changes) {
      if (this.held) Object.assign(this.state, this.held);
      else if (!changes) return;
      this.held = changes && Object.fromEntries(Object.keys(changes).map((key) => [key, this.state[key]]));
      this.sayLine.setAttribute("aria-live", changes ? "off" : "polite");
      Object.assign(this.state, changes);
      this.update();
    }
    /** Change settings, draw, and note the state in the address. */
    set(changes, { quiet = false } = {}) {
      this.held = null;
      this.note(quiet ? this.noted : "");
      this.revealed = false;
      Object.assign(this.state, changes);
      this.update();
      this.remember();
    }
    /** Tell the reader that something was not accepted. */
    note(text) {
      this.noted = text;
      write(this.noteLine, text);
      this.noteLine.hidden = !text;
    }
    /** Whether answers are hidden at the moment, because the reader predicts first. */
    get guessing() { return Boolean(this.state.predict) && !this.revealed; }
    /** What to show of an answer: itself, or a question mark while the reader predicts. */
    answer(value) { return this.guessing ? "?" : value; }
    say(text) {
      patch(this.sayLine, [text].flat());
      const first = this.sayLine.querySelector(".term");
      if (first) first.tabIndex = 0;
    }
    /** Sentences one after the other, texts or pieces, with what the language puts between them. */
    sentences(...texts) {
      const { gap } = this.words, all = texts.filter(Boolean);
      return all.some(Array.isArray) ? all.flatMap((text, i) => (i && gap ? [gap, ...[text].flat()] : text)) : all.join(gap);
    }
    /** Light up all that has one of these links. */
    light(links) {
      for (const lit of this.lit || []) lit.removeAttribute("data-lit");
      this.lit = links ? links.split(" ").flatMap((link) => [...this.figure.querySelectorAll(`[data-link~="${link}"]`)]) : [];
      for (const lit of this.lit) lit.setAttribute("data-lit", "");
    }
    /** Show these pieces on the board, made anew by h at every draw; only what differs is touched. */
    paint(...pieces) { patch(this.board, pieces); }

    connectedCallback() {
      if (this.shadowRoot) return;
      this.words = JSON.parse(this.getAttribute("words") || "{}");
      if (document.body.dataset.jpThemeLight === "false") this.style.colorScheme = "dark";
      const all = this.constructor.settings;
      const extra = [];
      if (this.constructor.walks) {
        extra.push({ name: "at", kind: "hidden", value: 0, min: 0, max: (s) => Math.max(0, this.count(s) - 1) });
      }
      if (this.constructor.predicts) extra.push({ name: "predict", kind: "toggle", value: 0 });
      this.settings = [...all, ...extra];
      this.state = {};
      this.build();
      this.restore();
      this.onhash = () => { if (location.hash.startsWith(`#${this.anchor}?`)) this.restore(); };
      addEventListener("hashchange", this.onhash);
    }
    disconnectedCallback() {
      this.pause();
      cancelAnimationFrame(this.frames);
      removeEventListener("hashchange", this.onhash);
    }

    build() {
      const root = this.attachShadow({ mode: "open" });
      this.noteLine = node("p", { class: "note", role: "status", hidden: true });
      this.board = node("div", { class: "board" });
      const walks = this.constructor.walks || this.key;
      if (walks) this.handle = node("div", { class: "handle", tabindex: 0, role: "slider", "aria-label": this.t("board"), onkeydown: (event) => this.keydown(event) });
      this.sayLine = node("p", { class: "say", "aria-live": "polite", onkeydown: ({ key, target }) => {
        const to = { ArrowRight: 1, ArrowLeft: -1 }[key], terms = [...this.sayLine.querySelectorAll(".term")], next = to && terms[terms.indexOf(target) + to];
        if (next) next.focus();
      } });
      this.controls = node("div", { class: "controls", role: "group", "aria-label": this.t("settings") });
      this.inputs = {};
      for (const setting of this.settings) {
        if (setting.kind === "hidden") continue;
        const control = this.control(setting);
        this.inputs[setting.name].row = control;
        this.inputs[setting.name].when = setting.when;
        (setting.more ? (this.more ||= node("details", { class: "more" }, h("summary", {}, this.t("more")))) : this.controls).append(control);
      }
      if (this.more) this.controls.append(this.more);
      this.buttons = node("div", { class: "buttons" });
      const button = (key, action, label = this.t(key)) => {
        const made = node("button", { type: "button", onclick: action }, label);
        this.buttons.append(made);
        return made;
      };
      if (this.constructor.walks) {
        this.previous = button("previous", () => this.turn(-1));
        this.play = button("play", () => (this.timer ? this.pause() : this.start()));
        this.next = button("next", () => this.turn(1));
      }
      if (this.constructor.predicts) {
        this.reveal = button("reveal", () => { this.revealed = true; this.update(); });
      }
      for (const [key, action] of this.actions()) button(key, action);
      button("reset", () => { this.pause(); this.note(""); this.revealed = false; this.defaults(); this.update(); this.remember(); });
      this.codeText = node("code", { tabindex: 0, "aria-label": "PyTorch" });
      this.codeLine = node("div", { class: "code", hidden: true }, this.codeText,
        navigator.clipboard ? h("button", { type: "button", onclick: (event) => this.copy(event.target) }, this.t("copy")) : "");
      const link = ({ target }) => { const from = target.closest("[data-link]"); this.light(from && from.dataset.link); };
      this.figure = node("div", { class: "figure", onpointerover: link, onpointerleave: () => this.light() },
        this.noteLine, h("div", { class: `body ${this.constructor.wide ? "wide" : ""}` }, h("div", { class: "main" }, this.handle || "", this.board, this.sayLine), h("div", { class: "side" }, this.buttons, this.controls)), this.codeLine);
      for (const [type, handler] of [["focusin", link], ["focusout", () => this.light()]]) this.figure.addEventListener(type, handler);
      new ResizeObserver(() => {
        this.board.classList.toggle("stay", this.board.offsetHeight < 0.62 * innerHeight && this.figure.offsetHeight > innerHeight);
        const narrow = (this.across = this.board.clientWidth) < 460;
        if (narrow !== this.narrow) this.resized(this.narrow = narrow);
      }).observe(this.board);
      root.append(node("style", {}, STYLE + figures.style + (this.constructor.style || "")), this.figure, node("div", { class: "fallback" }, h("slot")));
    }
    /** More buttons: pairs of a text's key and what a click does. */
    actions() { return []; }

    control(setting) {
      const { name } = setting;
      const label = [setting.label || name].flat().map((key) => this.t(key)).join(", ");
      if (setting.kind === "toggle") {
        const input = node("input", { type: "checkbox", onchange: () => this.set({ [name]: Number(input.checked) }) });
        this.inputs[name] = { show: (value) => { input.checked = Boolean(value); } };
        return node("div", { class: "control" }, h("label", { class: "toggle" }, input, label));
      }
      if (setting.options) {
        const input = node("select", { id: name, onchange: () => this.set({ [name]: input.value }) },
          setting.options.map((option) => h("option", { value: option }, this.t(`${name}_${option}`))));
        this.inputs[name] = { show: (value) => { input.value = value; } };
        return node("div", { class: "control" }, h("label", { for: name }, label), input);
      }
      const input = node("input", {
        type: "range", id: name, step: setting.step || 1,
        oninput: () => this.set({ [name]: Number(input.value) }),
      });
      const shown = node("output", { for: name });
      let before;
      this.inputs[name] = { show: (value, state) => {
        write(shown, setting.show ? setting.show(value, this) : number(value));
        const now = { min: limit(setting.min, state), max: limit(setting.max, state), "aria-valuetext": shown.textContent };
        dress(input, now, before);
        before = now;
        if (input.value !== `${value}`) input.value = value;
      } };
      return node("div", { class: "control" }, h("label", { for: name }, label), input, shown);
    }

    // -- state and address --
    get anchor() { return (this.closest("figure[id]") || {}).id || ""; }
    /** The part of the page's address that speaks of this figure, or null. */
    address() {
      const [id, query] = decodeURIComponent(location.hash.slice(1)).split("?");
      return id && id === this.anchor && query !== undefined ? query : null;
    }
    defaults() {
      for (const setting of this.settings) this.state[setting.name] = setting.value;
      const problems = this.apply(this.getAttribute("settings") || "");
      this.initial = { ...this.state };
      return problems;
    }
    /** Read name=value pairs into the state; the problems found. */
    apply(query) {
      const problems = [];
      const place = (pair) => this.settings.findIndex((s) => s.name === pair[0]);
      const pairs = query.split("&").filter(Boolean).map((pair) => pair.split("="));
      for (const [name, text = ""] of pairs.sort((a, b) => place(a) - place(b))) {
        const setting = this.settings.find((s) => s.name === name);
        if (!setting) {
          problems.push(this.t("unknown", { name, names: this.settings.map((s) => s.name).join(", ") }));
          continue;
        }
        try {
          this.state[name] = read(setting, text, this.state);
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          problems.push(this.t("refused", { name: `${this.words[setting.label || name] || name} (${name})`, value: text || "∅", allowed: error.message, used: this.state[name] }));
        }
      }
      return problems;
    }
    restore() {
      this.pause();
      const problems = this.defaults();
      let query = null;
      try {
        query = this.address();
        problems.push(...this.apply(query || ""));
      } catch (error) {
        if (!(error instanceof URIError)) throw error;
        problems.push(this.t("unreadable"));
      }
      this.revealed = false;
      this.note(this.sentences(...problems));
      this.update();
      if (query !== null) this.closest("figure").scrollIntoView({ block: "start" });
    }
    remember() {
      if (!this.anchor) return;
      clearTimeout(this.saving);
      this.saving = setTimeout(() => {
        const state = { ...this.state, ...this.held };
        const changed = this.settings.filter(({ name }) => state[name] !== this.initial[name]);
        const query = changed.map(({ name }) => `${name}=${encodeURIComponent(state[name]).replaceAll("%2C", ",")}`).join("&");
        try {
          history.replaceState(history.state, "", `#${this.anchor}${query ? `?${query}` : ""}`);
        } catch { /* an embedding that forbids it: the figure works without an address */ }
      }, 250);
    }

    update() {
      const { state } = this;
      if (this.constructor.walks) state.at = clamp(state.at, this.count(state) - 1);
      for (const [name, input] of Object.entries(this.inputs)) {
        input.show(state[name], state);
        if (input.when) input.row.hidden = !input.when(state);
      }
      if (this.lit) this.light();
      const problem = this.problem(state);
      const sentence = this.draw(state, problem);
      this.say(problem || (this.guessing ? this.t("guess") : sentence));
      if (this.reveal) this.reveal.hidden = !this.guessing;
      if (this.handle) {
        const [now, last] = this.place(state), before = this.told_place;
        this.told_place = { "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": now };
        dress(this.handle, this.told_place, before);
      }
      if (this.constructor.walks) {
        const last = problem ? 0 : this.count(state) - 1;
        for (const walk of [this.previous, this.play, this.next]) walk.hidden = last < 1;
        if (this.timer && state.at >= last) this.pause();
      }
      const code = problem ? "" : this.code(state);
      this.codeLine.hidden = !code;
      write(this.codeText, code);
    }
    copy(button) {
      navigator.clipboard.writeText(this.codeText.textContent).then(
        () => { button.textContent = "✓"; }, () => getSelection().selectAllChildren(this.codeText));
    }

    // -- walking --
    move(by) { this.set({ at: clamp(this.state.at + by, this.count(this.state) - 1) }, { quiet: true }); }
    /** One place on or back, round the end: no button is ever without an effect. */
    turn(by) {
      const places = this.count(this.state);
      this.set({ at: (this.state.at + by + places) % places }, { quiet: true });
    }
    start() {
      if (this.state.at >= this.count(this.state) - 1) this.set({ at: 0 });
      this.sayLine.setAttribute("aria-live", "off");
      this.play.textContent = this.t("pause");
      this.timer = setInterval(() => this.move(1), 900);
    }
    pause() {
      if (!this.timer) return;
      clearInterval(this.timer);
      this.timer = 0;
      this.play.textContent = this.t("play");
      this.sayLine.setAttribute("aria-live", "polite");
    }
    keydown(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (this.key && this.key(event.key, event)) {
        event.preventDefault();
        return;
      }
      if (!this.constructor.walks) return;
      const width = this.columns(this.state), last = this.count(this.state) - 1;
      const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: width, ArrowUp: -width, Home: -last, End: last }[event.key];
      if (by === undefined || last < 0) return;
      event.preventDefault();
      this.pause();
      const to = this.state.at + by;
      if ((to < 0 || to > last) && Math.abs(by) === width && width > 1) return;
      this.move(by);
    }
  }

  /** Make a class the element `tag`, once. */
  const define = (tag, element) => { if (!customElements.get(tag)) customElements.define(tag, element); };

  return Object.assign(figures, { Base, Refused, clamp, define, h, limit, node, number, patch });
})();
