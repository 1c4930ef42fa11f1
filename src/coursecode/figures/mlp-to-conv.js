// A dense layer becomes a convolution in one motion: count from the unit, share the weights, look nearby, slide back.
(() => {
  "use strict";
  const { Base, define, framed, h, matrix, number, tween } = CourseFigures;
  const { dense, tensor } = CourseMath;

  const STEPS = ["dense", "offset", "shared", "local", "conv"], LAST = STEPS.length - 1;
  const SHAPE = [1, 3, 2];
  const free = (i, k) => ((k * k + i * k + 3 * i * i) % 7) - 3;
  const common = (a) => [2, -1, 1, 0, 3, -2][(((a + 1) % 6) + 6) % 6];
  const part = (t, from) => Math.max(0, Math.min(1, t - from));
  const smooth = (t) => t * t * (3 - 2 * t);

  define("mlp-to-conv", class extends Base {
    static settings = [
      { name: "morph", kind: "range", value: LAST, min: 0, max: LAST, step: 0.02, show: (t, figure) => figure.t(STEPS[Math.round(t)]) },
      { name: "size", kind: "range", value: 6, min: 5, max: 8 },
      { name: "delta", kind: "range", value: 1, min: 0, max: 3 },
      { name: "shift", kind: "range", value: 0, min: 0, max: (s) => s.size - 4 },
    ];
    static walks = true;
    static style = `
      .ladder { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: .3rem; }
      .ladder button { display: grid; justify-items: center; padding: .2rem .1rem; min-width: 0; border-color: var(--rule); background: none; line-height: 1.2; font-size: .8rem; }
      .ladder button[aria-pressed=true] { background: var(--raised); }
      .ladder b { font-size: 1.15rem; }
      .formula { margin: .5rem 0; min-height: 2.6em; }
      .stage { display: flex; justify-content: center; align-items: end; gap: calc(var(--cell) * .3); flex-wrap: nowrap; --cell: clamp(.8rem, calc((100cqw - 1rem) / var(--all)), 2.2rem); }
      .stage .matrix caption { font-size: .8rem; padding-bottom: .2rem; }
      .stage > .sign { height: calc(var(--cell) * var(--n)); display: flex; align-items: center; font-size: 1.1rem; }
      .field { position: relative; width: calc(var(--cell) * (2 * var(--n) - 1)); }
      .field .title { text-align: center; color: var(--soft); font-size: .8rem; margin: 0 0 .2rem; }
      .heads { display: flex; justify-content: center; color: var(--soft); font-size: min(.8rem, calc(var(--cell) * .55)); line-height: 1.5; height: 1.5em; }
      .heads span { width: var(--cell); text-align: center; flex: none; }
      .stage .weights { border-collapse: separate; border-spacing: 0; }
      .weights td { transition: background-color .25s; border-color: var(--rule); }
      .weights td.zero { color: var(--soft); }
      .weights td.same::after { content: ""; position: absolute; inset: auto 0 0; height: 3px; background: hsl(var(--turn) 70% 48%); }
      .weights td { position: relative; line-height: calc(var(--side) - 2px); }
      .stage td.yes { color: var(--good); font-weight: 700; } .stage td.no { color: var(--below); font-weight: 700; }
    `;
    count(state) { return state.size; }
    update() { this.state.shift = Math.min(this.state.shift, this.state.size - 4); super.update(); } // all of it stays inside
    step({ morph } = this.state) { return STEPS[Math.round(morph)]; }
    morph(to) { tween(this, "morph", to, 1.1 * Math.abs(to - this.state.morph)); }
    actions() { return [["watch", () => { const { morph } = this.state; if (morph === LAST) this.set({ morph: 0 }); this.morph(LAST); }]]; }
    weight(state, i, k) {
      const a = k - i, step = STEPS.indexOf(this.step(state));
      if (step > 2 && Math.abs(a) > state.delta) return 0;
      return step < 2 ? free(i, k) : common(a);
    }
    input(state, shift) { return Array.from({ length: state.size }, (_, k) => SHAPE[k - shift - 1] || 0); }
    output(state, x) {
      const n = state.size;
      const W = tensor([n, n], Array.from({ length: n * n }, (_, i) => this.weight(state, Math.floor(i / n), i % n)));
      return Array.from(dense(tensor([n], x), W).data);
    }
    different({ size: n, delta }, step) {
      const near = 2 * Math.min(delta, n - 1) + 1;
      return { dense: n * n, offset: n * n, shared: 2 * n - 1, local: near, conv: near }[step];
    }

    /** H_i = sum of weight times pixel, as the step writes it. */
    formula(step) {
      const i = (text) => h("mi", {}, text), o = (text) => h("mo", {}, text);
      const sub = (base, ...index) => h("msub", {}, i(base), h("mrow", {}, ...index));
      const plus = [i("i"), o("+"), i("a")], H = [sub("H", i("i")), o("=")];
      if (step === "conv") return h("math", {}, h("mrow", {}, H, h("msub", {}, h("mrow", {}, o("("), i("v"), o("⋆"), i("X"), o(")")), i("i"))));
      const under = step === "dense" ? i("k") : step === "local" ? h("mrow", {}, h("mo", { form: "prefix", stretchy: "false" }, "|"), i("a"), h("mo", { form: "postfix", stretchy: "false" }, "|"), o("≤"), i("Δ")) : i("a");
      const weight = step === "dense" ? sub("W", i("i"), o(","), i("k")) : step === "offset" ? sub("V", i("i"), o(","), i("a")) : sub("v", i("a"));
      return h("math", { displaystyle: "true" }, h("mrow", {}, H, h("munder", {}, o("∑"), under), weight, step === "dense" ? sub("X", i("k")) : sub("X", ...plus)));
    }

    draw(state) {
      const { size: n, shift, delta, at, morph } = state, step = this.step(state), kind = STEPS.indexOf(step);
      const before = this.output(state, this.input(state, 0));
      const x = this.input(state, shift), y = this.output(state, x);
      const ladder = STEPS.map((name, i) => h("button", { type: "button", "aria-pressed": `${name === step}`, onclick: () => this.morph(i) },
        this.t(name), h("b", {}, number(this.different(state, name)))));
      const slid = smooth(part(morph, 0)) - smooth(part(morph, 3)); // 0: pixels below each other, 1: offsets below each other
      const W = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, k) => this.weight(state, i, k)));
      const gone = (a) => kind > 2 && Math.abs(a) > delta;
      const peek = (i) => this.peek(i === undefined ? null : { at: i });
      const table = matrix("", W, { name: "weights", pick: (i) => this.set({ at: i }), over: peek, most: 3, "aria-label": this.t(`names_${step}`),
        show: number, cell: (i, k) => {
          const a = k - i, classes = [gone(a) ? "zero" : kind > 1 && "same", i === at && framed(0, k, 1, n)];
          return {
            class: classes.filter(Boolean).join(" "), "data-link": i === at && `k${k}`,
            style: `${kind > 1 ? `--turn:${((a + 8) * 137) % 360};` : ""}transform:translateX(${(100 * ((1 - slid) * (n - 1) / 2 + slid * (n - 1 - i))).toFixed(1)}%)`,
          };
        } });
      const heads = h("div", { class: "heads", "aria-hidden": "true" }, slid > 0.5 ? Array.from({ length: 2 * n - 1 }, (_, c) => {
        const a = c - n + 1;
        return h("span", {}, gone(a) ? "" : a > 0 ? `+${a}` : number(a));
      }) : "");
      const column = (caption, values, cell, more) => matrix(caption, values.map((v) => [v]), { cell, ...more });
      const marked = (i) => ({ class: i === at ? "hot" : "" });
      const used = (k) => ({ "data-link": `k${k}`, class: this.weight(state, at, k) ? "window" : "" });
      const sign = (text) => h("span", { class: "sign", "aria-hidden": "true" }, text);
      const kept = y.map((value, i) => (i < shift ? null : value === before[i - shift]));
      const right = kept.filter(Boolean).length;
      const parts = [h("div", { class: "field" }, h("p", { class: "title" }, this.t(`names_${step}`)), heads, table), column("X", x, used), sign("="), column("H", y, marked, { pick: (i) => this.set({ at: i }), over: peek })];
      if (shift) {
        parts.push(matrix(this.t("moved"), kept.map((ok) => [ok === null ? "·" : ok ? "✓" : "✗"]), { show: String, tinted: false,
          cell: (i) => ({ class: kept[i] === null ? "zero" : kept[i] ? "yes" : "no" }) }));
      }
      this.paint(h("div", { class: "ladder", role: "group", "aria-label": this.t("ladder") }, ladder), h("p", { class: "formula" }, this.formula(step)),
        h("div", { class: "row stage", style: `--all:${2 * n + 3 + (shift ? 1.4 : 0)};--n:${n}` }, parts));
      const terms = x.map((value, k) => [this.weight(state, at, k), value, k]).filter(([w, value]) => w && value)
        .map(([w, value, k]) => this.term(`${w < 0 ? `(${number(w)})` : w}×${value}`, `k${k}`));
      const sum = this.told("says", { i: at, sum: terms.length ? [...this.added(terms), ` = ${number(y[at])}`] : "0", count: this.different(state, step), all: n * n });
      return this.sentences(sum, shift && this.t(right === n - shift ? "moved_all" : "moved_some", { shift, right, total: n - shift }));
    }
  });
})();
