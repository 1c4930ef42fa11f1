// The way back through a correlation: which products make up the gradient of a pixel and of a weight, and where the
// gradient of an output goes. The gradient of the input as a layer of its own is the transposed convolution.
(() => {
  "use strict";
  const { Base, define, framed, h, matrix, number, rowsOf } = CourseFigures;
  const { backward, correlate, outputSize, tensor } = CourseMath;

  const X = (i, j) => (i * i + 3 * j + 2 * i * j + 1) % 6;
  const WEIGHTS = { numbers: (a, b) => [[2, 1, 1], [-1, 3, 0], [1, -2, 2]][a][b], ones: () => 1 };
  const UPSTREAM = { numbers: (i, j) => [1, 2, -1, 3, 0][(3 * i + j) % 5], ones: () => 1, one: (i, j) => Number(!i && j === 1) };
  const square = (side, value, ...before) => tensor([...before, side, side], Array.from({ length: side * side }, (_, i) => value(Math.floor(i / side), i % side)));
  const ALONE = "window top bottom left right";

  define("conv-backward", class extends Base {
    static settings = [
      { name: "size", kind: "range", value: 3, min: 3, max: 6 },
      { name: "kernel", kind: "range", value: 2, min: 2, max: 3 },
      { name: "stride", kind: "range", value: 1, min: 1, max: 2 },
      { name: "view", kind: "choice", value: "gradients", options: ["gradients", "layer"] },
      { name: "follow", kind: "choice", value: "pixel", options: ["pixel", "weight", "output"] },
      { name: "upstream", kind: "choice", value: "numbers", options: Object.keys(UPSTREAM), more: true },
      { name: "weights", kind: "choice", value: "numbers", options: Object.keys(WEIGHTS), more: true },
    ];
    static walks = true;
    static predicts = true;
    static style = `
      .stage { display: grid; grid-template-columns: auto .8rem auto .8rem auto; gap: .3rem .35rem; justify-content: center; align-items: end; justify-items: center; --cell: clamp(1.1rem, calc((100cqw - 3.4rem) / var(--all)), 2.4rem); }
      .stage > .sign { font-size: 1.2rem; line-height: calc(var(--cell) * var(--high)); align-self: start; margin-top: 1.6rem; }
      .way { grid-column: 1 / -1; justify-self: stretch; margin: 0; color: var(--soft); font-size: .85rem; border-top: 1px solid var(--rule); padding-top: .3rem; }
      .way:first-child { border: 0; padding: 0; }
      .stage > .matrix { align-self: start; } .kernel:not(:has(.window)) td { border-color: var(--mark); }
    `;

    side({ size, kernel, stride }) { return outputSize(size, kernel, 0, stride); }
    /** What is followed; a transposed convolution has no gradient of its kernel to show. */
    followed({ view, follow }) { return view === "layer" && follow === "weight" ? "output" : follow; }
    columns(state) { return { pixel: this.reach(state), weight: state.kernel, output: this.side(state) }[this.followed(state)]; }
    count(state) { return this.columns(state) ** 2; }
    /** The side of the input, or of what a transposed convolution makes of the output: PyTorch takes the smallest. */
    reach(state) { return state.view === "layer" ? (this.side(state) - 1) * state.stride + state.kernel : state.size; }
    code({ view, stride }) {
      const option = stride > 1 ? `, stride=${stride}` : "";
      return view === "layer" ? `F.conv_transpose2d(G, K${option})` : `torch.autograd.grad(F.conv2d(X, K${option}), (X, K), G)`;
    }

    draw(state) {
      const { kernel: k, stride: s, at } = state, m = this.side(state), n = this.reach(state), w = this.columns(state);
      const follow = this.followed(state), layer = state.view === "layer", i = Math.floor(at / w), j = at % w;
      const x = square(n, X, 1), K = square(k, WEIGHTS[state.weights], 1, 1), G = square(m, UPSTREAM[state.upstream], 1);
      const scatters = follow === "output", handed = scatters ? tensor(G.shape, G.data.map((v, o) => (o <= at ? v : 0))) : G;
      const { dx, dw } = backward(x, K, handed, { stride: s });
      // one entry for each product that is looked at: the output, the weight, the pixel
      const uses = [];
      for (let o = 0; o < m * m; o++) {
        for (let t = 0; t < k * k; t++) {
          const pixel = (Math.floor(o / m) * s + Math.floor(t / k)) * n + (o % m) * s + (t % k);
          if ({ pixel, weight: t, output: o }[follow] === at) uses.push({ o, t, pixel });
        }
      }
      const links = (part, where, prefix) => uses.flatMap((use, u) => (use[part] === where ? `${prefix}${u}` : [])).join(" ");
      // when an output is followed, products with weights go to the pixels and products with pixels to the weights
      const cells = (own, part, width, prefix, answer) => (a, b) => {
        const where = a * width + b, link = answer && !scatters ? "" : links(part, where, prefix), hot = follow === own && where === at;
        const seen = !link || hot ? "" : scatters ? (own === "pixel" ? framed(a - i * s, b - j * s, k) : framed(a, b, k)) : own === "output" && follow === "weight" ? framed(a, b, m) : ALONE;
        return { class: hot ? "hot" : seen, ...(link && !hot && { "data-link": link }) };
      };
      const table = (title, plane, own, prefix, answer) => {
        const [part, width] = { pixel: ["pixel", n], weight: ["t", k], output: ["o", m] }[own];
        return matrix(title, rowsOf(plane), {
          cell: cells(own, part, width, prefix, answer), tinted: !(answer && this.guessing), ...(answer && { show: (v) => this.answer(number(v)) }),
          pick: (a, b) => this.set({ follow: own, at: a * width + b }),
          over: (a, b) => this.peek(a === undefined ? null : { follow: own, at: a * width + b }), name: own === "weight" ? "kernel" : "",
        });
      };
      const sign = (text, high) => h("span", { class: "sign", "aria-hidden": "true", style: `--high:${high}` }, text);
      const way = (key) => h("p", { class: "way" }, this.t(key));
      const far = (title) => (scatters ? `${title} (${at + 1}/${m * m})` : title); // the height stays: a mouse may be on it
      const back = (name) => `∂ℓ/∂${name}`;
      const style = `--all:${n + k + m}`;
      this.paint(layer
        ? h("div", { class: "stage", style }, way("stamps"), table(this.t("small"), G, "output", "p"), sign("·", k), table("K", K, "weight", "p"), sign("→", k), table(far(this.t("large")), dx, "pixel", "p", true))
        : h("div", { class: "stage", style },
          way("forward"), table("X", x, "pixel", scatters ? "w" : "p"), sign("⋆", k), table("K", K, "weight", "p"), sign("=", m), table("Y", correlate(x, K, { stride: s }), "output", "p"),
          way("back"), table(far(back("X")), dx, "pixel", "p", true), sign("", 1), table(back("K"), dw, "weight", scatters ? "w" : "p", true), sign("←", m), table("G", G, "output", "p")));

      const signed = (v) => (v < 0 ? `(${number(v)})` : number(v));
      const terms = (factor, prefix) => uses.map((use, u) => this.term(`${signed(G.data[use.o])}×${signed(factor(use))}`, `${prefix}${u}`));
      const byWeights = terms(({ t }) => K.data[t], "p"), kind = layer ? "stamp" : "says";
      if (scatters) {
        const listed = (list) => list.flatMap((term, u) => (u ? [this.words.comma, term] : [term]));
        return this.told(`${kind}_output`, { i, j, g: number(G.data[at]), row: i * s, column: j * s, pixels: listed(byWeights), weights: listed(terms(({ pixel }) => x.data[pixel], "w")), n: at + 1, all: m * m });
      }
      if (!uses.length) return this.t("unread", { i, j });
      const sum = this.added(follow === "pixel" ? byWeights : terms(({ pixel }) => x.data[pixel], "p"));
      return this.told(`${kind}_${follow}`, { i, j, sum, value: number((follow === "pixel" ? dx : dw).data[at]), count: uses.length });
    }
  });
})();
