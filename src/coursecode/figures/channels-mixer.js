// Several channels in, several out: each input channel has its own kernel, the results are added, the bias comes last.
// Depthwise, every output channel has one input channel and nothing is added but its bias.
(() => {
  "use strict";
  const { Base, define, framed, h, indexed, matrix, number, rowsOf } = CourseFigures;
  const { correlate, tensor } = CourseMath;

  const SIZE = 4;
  const pixel = (c, i, j) => (3 * i + 5 * j + 2 * c + i * j * (c + 1)) % 5;
  const weight = (o, c, a, b) => ((4 * o + 3 * c + 2 * a + b * (o + 2)) % 5) - 2;
  const BIAS = [1, 0, -2, 3];

  define("channels-mixer", class extends Base {
    static settings = [
      { name: "inputs", kind: "range", value: 3, min: 1, max: 3 },
      { name: "outputs", kind: "range", value: 2, min: 1, max: 4, when: (s) => !s.depthwise },
      { name: "kernel", kind: "range", value: 3, min: 1, max: 3 },
      { name: "depthwise", kind: "toggle", value: 0 },
      ...[1, 2, 3].map((c) => ({ name: `use${c}`, kind: "toggle", value: 1, when: (s) => s.inputs >= c && !s.depthwise })),
    ];
    static walks = true;
    static predicts = true;
    static style = `
      .stage { display: grid; grid-template-columns: auto 1rem auto 1rem auto; gap: .35rem .3rem; justify-content: center; align-items: center; justify-items: center; --cell: clamp(1.1rem, calc((100cqw - 4.5rem) / var(--all)), 1.9rem); }
      .stage > .sign { align-self: center; padding-top: 1.2rem; font-size: 1.2rem; }
      .stage > .off { opacity: .45; }
      .stage .matrix caption { padding-bottom: .2rem; line-height: 1.3; }
      .plane1 { --above: light-dark(#cf3030, #ff7a72); } .plane2 { --above: light-dark(#118a4a, #4fd18a); } .plane3 { --above: light-dark(#2a62d8, #7aa7ff); }
      .total { grid-column: 1 / -1; justify-self: stretch; display: flex; flex-wrap: wrap; gap: .3rem .8rem; justify-content: end; align-items: end; border-top: 2px solid var(--ink); padding-top: .2rem; }
      .total .sign { font-size: 1rem; flex: 1; align-self: center; }
      .shape { text-align: center; margin: .5rem 0 0; font-size: .9rem; color: var(--soft); }
    `;
    side({ kernel }) { return SIZE - kernel + 1; }
    columns(state) { return this.side(state); }
    outputs({ depthwise, inputs, outputs }) { return depthwise ? inputs : outputs; }
    count(state) { return this.outputs(state) * this.side(state) ** 2; }
    /** Whether output channel o takes anything from input channel c. */
    uses(state, o, c) { return state.depthwise ? o === c : state[`use${c + 1}`]; }
    code(state) { return `nn.Conv2d(${state.inputs}, ${this.outputs(state)}, kernel_size=${state.kernel}${state.depthwise ? `, groups=${state.inputs}` : ""})`; }
    /** The weights of output channel o for input channel c, (1, 1, k, k). */
    weights({ kernel: k }, o, c) {
      return tensor([1, 1, k, k], Array.from({ length: k * k }, (_, i) => weight(o, c, Math.floor(i / k), i % k)));
    }
    plane(c) {
      return tensor([1, SIZE, SIZE], Array.from({ length: SIZE * SIZE }, (_, i) => pixel(c, Math.floor(i / SIZE), i % SIZE)));
    }
    /** The part of each input channel in output channel o, each (1, m, m); 0 where it is switched off. */
    parts(state, o) {
      return Array.from({ length: state.inputs }, (_, c) => {
        const y = correlate(this.plane(c), this.weights(state, o, c));
        return this.uses(state, o, c) ? y : tensor(y.shape, y.data.map(() => 0));
      });
    }

    draw(state) {
      const { inputs, depthwise, kernel: k, at } = state, outputs = this.outputs(state);
      const m = this.side(state), o = Math.floor(at / (m * m)), i = Math.floor((at % (m * m)) / m), j = at % m;
      const sign = (text) => h("span", { class: "sign", "aria-hidden": "true" }, text);
      const all = Array.from({ length: outputs }, (_, q) => this.parts(state, q)), parts = all[o];
      const lanes = parts.flatMap((_, c) => {
        const own = depthwise ? c : o, y = all[own][c], off = this.uses(state, o, c) ? "" : "off", link = { "data-link": `p${c}` };
        return [
          matrix(indexed("X", c), rowsOf(this.plane(c)), { name: `plane${c + 1} ${off}`, cell: (a, b) => { const seen = framed(a - i, b - j, k); return { class: seen, ...(seen && link) }; } }), sign("⋆"),
          matrix(depthwise ? indexed("K", c) : indexed("W", o, c), rowsOf(this.weights(state, own, c)), { name: off, cell: () => link }), sign("="),
          matrix(`${c && !depthwise ? "+ " : ""}${this.t("part", { c })}`, rowsOf(y), { name: off, cell: (a, b) => (a === i && b === j ? { class: "hot", ...link } : {}) }),
        ];
      });
      const maps = all.map((own, q) => {
        const sum = tensor([1, m, m], Array.from({ length: m * m }, (_, at) => own.reduce((s, y) => s + y.data[at], BIAS[q])));
        const place = (a, b) => q * m * m + a * m + b;
        return matrix(indexed("Y", q), rowsOf(sum), {
          cell: (a, b) => ({ class: place(a, b) === at ? "hot" : "" }), show: (v) => this.answer(number(v)), tinted: !this.guessing,
          pick: (a, b) => this.set({ at: place(a, b) }), over: (a, b) => this.peek(a === undefined ? null : { at: place(a, b) }),
        });
      });
      const value = parts.reduce((s, y) => s + y.data[i * m + j], BIAS[o]);
      const bias = BIAS[o] < 0 ? `−\u00a0${-BIAS[o]}` : `+\u00a0${BIAS[o]}`;
      this.paint(h("div", { class: "stage", style: `--all:${SIZE + k + Math.max(2, m)}` }, lanes, h("div", { class: "total" }, sign([this.t("bias"), " ", bias, " →\u00a0", ...indexed("Y", o)]), maps)),
        h("p", { class: "shape" }, this.t("shape", { outputs, inputs: depthwise ? 1 : inputs, k, weights: number(outputs * (depthwise ? 1 : inputs) * k * k) })));
      const signed = (v) => (v < 0 ? `(${number(v)})` : number(v));
      const terms = parts.map((y, c) => this.term(signed(y.data[i * m + j]), `p${c}`)).filter((_, c) => !depthwise || c === o);
      return this.told(depthwise ? "says_depthwise" : k === 1 ? "says_pixel" : "says", { o, i, j, sum: this.added([...terms, signed(BIAS[o])]), value: number(value), inputs });
    }
  });
})();
