// Several channels in, several out: each input channel has its own kernel, the results are added, the bias comes last.
(() => {
  "use strict";
  const { Base, define, h, matrix, number } = CourseFigures;
  const { correlate, tensor } = CourseMath;

  const SIZE = 4;
  const pixel = (c, i, j) => (3 * i + 5 * j + 2 * c + i * j * (c + 1)) % 5;
  const weight = (o, c, a, b) => ((4 * o + 3 * c + 2 * a + b * (o + 2)) % 5) - 2;
  const BIAS = [1, 0, -2, 3];

  define("channels-mixer", class extends Base {
    static settings = [
      { name: "inputs", kind: "range", value: 3, min: 1, max: 3 },
      { name: "outputs", kind: "range", value: 2, min: 1, max: 4 },
      { name: "kernel", kind: "range", value: 3, min: 1, max: 3 },
      ...[1, 2, 3].map((c) => ({ name: `use${c}`, kind: "toggle", value: 1, when: (s) => s.inputs >= c })),
    ];
    static walks = true;
    static predicts = true;
    static style = `
      .stage { display: grid; gap: .7rem; --cell: 1.75rem; }
      .lane { display: flex; flex-wrap: wrap; gap: .5rem; justify-content: center; align-items: center; }
      .lane.off { opacity: .45; }
      .stage .matrix { font-size: min(.85rem, calc(var(--side) * .48)); }
      .shape { text-align: center; margin: .8rem 0 0; }
      @media (max-width: 30rem) { .stage { --cell: 1.45rem; } .lane { gap: .3rem; } }
    `;
    side({ kernel }) { return SIZE - kernel + 1; }
    columns(state) { return this.side(state); }
    count(state) { return state.outputs * this.side(state) ** 2; }
    code({ inputs, outputs, kernel }) { return `nn.Conv2d(${inputs}, ${outputs}, kernel_size=${kernel})`; }
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
        return state[`use${c + 1}`] ? y : tensor(y.shape, y.data.map(() => 0));
      });
    }

    draw(state) {
      const { inputs, outputs, kernel: k, at } = state;
      const m = this.side(state), o = Math.floor(at / (m * m)), i = Math.floor((at % (m * m)) / m), j = at % m;
      const rows = (x) => { const w = x.shape.at(-1); return Array.from({ length: x.data.length / w }, (_, r) => Array.from(x.data).slice(r * w, (r + 1) * w)); };
      const sign = (text) => h("span", { class: "sign", "aria-hidden": "true" }, text);
      const framed = (a, b) => {
        const [r, s] = [a - i, b - j];
        if (r < 0 || s < 0 || r >= k || s >= k) return {};
        return { class: ["window", !r && "top", r === k - 1 && "bottom", !s && "left", s === k - 1 && "right"].filter(Boolean).join(" ") };
      };
      const hot = (a, b) => ({ class: a === i && b === j ? "hot" : "" });
      const all = Array.from({ length: outputs }, (_, q) => this.parts(state, q)), parts = all[o];
      const lanes = parts.map((y, c) => h("div", { class: `lane ${state[`use${c + 1}`] ? "" : "off"}` },
        matrix(`X${c + 1}`, rows(this.plane(c)), { cell: framed }), sign("⋆"), matrix(`W${o + 1},${c + 1}`, rows(this.weights(state, o, c))),
        sign("="), matrix(this.t("part", { c: c + 1 }), rows(y), { cell: hot })));
      const maps = all.map((own, q) => {
        const sum = tensor([1, m, m], Array.from({ length: m * m }, (_, at) => own.reduce((s, y) => s + y.data[at], BIAS[q])));
        return matrix(`Y${q + 1}`, rows(sum), { cell: q === o ? hot : () => ({}), show: (v) => this.answer(number(v)), tinted: !this.guessing });
      });
      const value = parts.reduce((s, y) => s + y.data[i * m + j], BIAS[o]);
      this.paint(h("div", { class: "stage" }, lanes, h("div", { class: "lane" }, sign(`+ ${number(BIAS[o])} →`), maps)),
        h("p", { class: "shape" }, this.t("shape", { outputs, inputs, k, weights: number(outputs * inputs * k * k) })));
      const signed = (v) => (v < 0 ? `(${number(v)})` : number(v));
      return this.t(k === 1 ? "says_pixel" : "says", {
        o: o + 1, i, j, sum: [...parts.map((y) => y.data[i * m + j]), BIAS[o]].map(signed).join(" + "), value: number(value), inputs,
      });
    }
  });
})();
