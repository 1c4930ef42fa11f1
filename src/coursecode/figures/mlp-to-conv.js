// A dense layer becomes a convolution in three steps: count from the unit, share the weights, look nearby.
(() => {
  "use strict";
  const { Base, define, h, matrix, number } = CourseFigures;
  const { dense, tensor } = CourseMath;

  const STEPS = ["dense", "offset", "shared", "local"];
  const SHAPE = [1, 3, 2];
  const free = (i, k) => ((5 * i + 3 * k + i * k) % 7) - 3;
  const common = (a) => [2, -1, 1, 0, 3, -2][(((a + 1) % 6) + 6) % 6];

  define("mlp-to-conv", class extends Base {
    static settings = [
      { name: "step", kind: "hidden", value: "local", options: STEPS },
      { name: "size", kind: "range", value: 8, min: 5, max: 10 },
      { name: "delta", kind: "range", value: 1, min: 0, max: 4, when: (s) => s.step === "local" },
      { name: "shift", kind: "range", value: 0, min: 0, max: 4 },
    ];
    static walks = true;
    static style = `
      .ladder { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .5rem; margin-bottom: 1rem; }
      .ladder button { display: grid; justify-items: center; gap: .25rem; padding: .4rem; background: none; border-color: var(--rule); }
      .ladder button[aria-pressed=true] { background: var(--raised); }
      .ladder b { font-size: 1.15rem; }
      .ladder small { color: var(--soft); }
      .stage { gap: .5rem; flex-wrap: nowrap; --cell: min(2.15rem, calc((100cqw - 3.2rem) / (var(--all) + 3))); }
      .stage .matrix { font-size: min(.8rem, calc(var(--side) * .4)); }
      .stage .matrix caption { font-size: .75rem; }
      .stage td.zero { color: var(--soft); }
      .stage td.same { background-color: color-mix(in srgb, hsl(var(--turn) 65% 50%) 32%, transparent); }
      .stage td.yes { color: var(--good); font-weight: 700; } .stage td.no { color: var(--below); font-weight: 700; }
    `;
    count(state) { return state.size; }

    weight(state, i, k) {
      const a = k - i;
      if (state.step === "local" && Math.abs(a) > state.delta) return 0;
      return state.step === "dense" || state.step === "offset" ? free(i, k) : common(a);
    }
    input(state, shift) {
      return Array.from({ length: state.size }, (_, k) => SHAPE[k - shift - 1] || 0);
    }
    output(state, x) {
      const n = state.size;
      const W = tensor([n, n], Array.from({ length: n * n }, (_, i) => this.weight(state, Math.floor(i / n), i % n)));
      return Array.from(dense(tensor([n], x), W).data);
    }
    different(state, step = state.step) {
      const n = state.size;
      return { dense: n * n, offset: n * n, shared: 2 * n - 1, local: 2 * Math.min(state.delta, n - 1) + 1 }[step];
    }

    /** H_i = sum of weight times pixel, as the step writes it. */
    formula(step) {
      const i = (text) => h("mi", {}, text);
      const sub = (base, ...index) => h("msub", {}, i(base), h("mrow", {}, ...index));
      const plus = [i("i"), h("mo", {}, "+"), i("a")];
      const under = step === "dense" ? i("k") : step === "local" ? h("mrow", {}, h("mo", {}, "|"), i("a"), h("mo", {}, "|≤Δ")) : i("a");
      const weight = step === "dense" ? sub("W", i("i"), h("mo", {}, ","), i("k")) : step === "offset" ? sub("V", i("i"), h("mo", {}, ","), i("a")) : sub("v", i("a"));
      return h("math", {}, h("mrow", {}, h("munder", {}, h("mo", {}, "∑"), under), weight, step === "dense" ? sub("X", i("k")) : sub("X", ...plus)));
    }

    draw(state) {
      const { size: n, shift, step, at } = state;
      const before = this.output(state, this.input(state, 0));
      const x = this.input(state, shift), y = this.output(state, x);
      const ladder = STEPS.map((name) => h("button", { type: "button", "aria-pressed": `${name === step}`, onclick: () => this.set({ step: name }) },
        h("small", {}, this.t(name)), this.formula(name), h("b", {}, number(this.different(state, name)))));
      const signed = (a) => (a > 0 ? `+${a}` : number(a));
      const names = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, k) => {
        const a = k - i;
        if (step === "local" && Math.abs(a) > state.delta) return "·";
        return step === "dense" ? `${i},${k}` : step === "offset" ? `${i},${signed(a)}` : signed(a);
      }));
      const edges = (k) => ["window", "top", "bottom", k === 0 && "left", k === n - 1 && "right"];
      const W = matrix(this.t(`names_${step}`), names, { show: String, name: "weights", pick: (i) => this.set({ at: i }), cell: (i, k, name) => {
        const equal = step === "shared" || step === "local";
        const classes = [name === "·" ? "zero" : equal && "same", ...(i === at ? edges(k) : [])];
        return { class: classes.filter(Boolean).join(" "), style: equal ? `--turn:${((k - i + 8) * 137) % 360}` : "" };
      } });
      const column = (caption, values, cell) => matrix(caption, values.map((v) => [v]), { cell });
      const marked = (i) => ({ class: i === at ? "hot" : "" });
      const used = (k) => ({ class: this.weight(state, at, k) ? "window" : "" });
      const parts = [W, column("X", x, used), h("span", { class: "sign", "aria-hidden": "true" }, "="), column("H", y, marked)];
      const kept = y.map((value, i) => (i < shift ? null : value === before[i - shift]));
      const right = kept.filter(Boolean).length;
      if (shift) {
        parts.push(matrix(this.t("moved"), kept.map((ok) => [ok === null ? "·" : ok ? "✓" : "✗"]), { show: String, tinted: false,
          cell: (i) => ({ class: kept[i] === null ? "zero" : kept[i] ? "yes" : "no" }) }));
      }
      this.paint(h("div", { class: "ladder", role: "group", "aria-label": this.t("ladder") }, ladder), h("div", { class: "row stage", style: `--all:${n}` }, parts));
      const terms = x.map((value, k) => [this.weight(state, at, k), value]).filter(([w, value]) => w && value)
        .map(([w, value]) => `${w < 0 ? `(${number(w)})` : w}×${value}`);
      const sum = this.t("says", { i: at, sum: terms.length ? `${terms.join(" + ")} = ${number(y[at])}` : "0", count: this.different(state), all: n * n });
      return this.sentences(sum, shift && this.t(right === n - shift ? "moved_all" : "moved_some", { shift, right, total: n - shift }));
    }
  });
})();
