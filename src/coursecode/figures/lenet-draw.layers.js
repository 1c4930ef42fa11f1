// What lenet-draw shows once its weights are there: every layer, the ten answers, one unit taken apart.
// These are methods of the figure; they travel with the weights (lenet-draw.data.js).
globalThis.LENET_LAYERS = (() => {
  "use strict";
  const { h, matrix, node, number, patch } = CourseFigures;
  const { lenet } = CourseMath;
  // maps, their side, and how many stand in a row of the picture; where a layer's values are read, and what it reads
  const LAYERS = {
    input: [1, 28, 1], conv1: [6, 28, 6, "act1", "input"], pool1: [6, 14, 6, "pool1", "conv1"], conv2: [16, 10, 8, "act2", "pool1"],
    pool2: [16, 5, 8, "pool2", "conv2"], dense1: [120, 1, 30, "act3", "pool2"], dense2: [84, 1, 28, "act4", "dense1"], dense3: [10, 1, 10, "dense3", "dense2"],
  };
  const SHOWN = Object.keys(LAYERS).slice(1, -1);
  const SURE = 0.9;
  const STYLE = `
    .layers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); gap: .8rem 1.4rem; align-items: start; margin-top: .8rem; }
    canvas { cursor: pointer; }
    .spot { position: absolute; outline: 2px solid var(--mark); pointer-events: none; }
    .verdict { display: flex; align-items: baseline; gap: .6rem; margin: 0 0 .5rem; } .verdict b { font-size: 3.2rem; line-height: 1; } .verdict span { color: var(--soft); }
    .bars { display: grid; grid-template-columns: repeat(10, 1fr); gap: .3rem; text-align: center; }
    .track { height: clamp(3.5rem, 14vh, 7.5rem); display: flex; align-items: end; background: color-mix(in srgb, var(--ink) 7%, transparent); } .track .bar { display: block; width: 100%; min-height: 1px; background: var(--ui); }
    .best .track .bar { background: var(--above); } .best { font-weight: 700; }
    .unit { --cell: clamp(1.4rem, calc((100cqw - 2.6rem) / 10), 2.7rem); } .unit .row { flex-wrap: nowrap; gap: .5rem; } .unit .five { --cell: clamp(1.4rem, calc((100cqw - 1rem) / 5), 3rem); }
    .unit .matrix { flex: none; } .unit .matrix caption { white-space: normal; }
    .unit .formula { font-size: .95rem; }
    @container board (max-width: 24rem) { .unit .row { flex-wrap: wrap; } .unit, .unit .five { --cell: min(2.6rem, calc((100cqw - 1rem) / 5)); } }
    .compare { grid-column: 1 / -1; display: flex; gap: 1rem; align-items: end; justify-content: center; } .compare svg { width: min(10rem, 34cqw); flex: none; } .compare p { margin: 0 0 .3rem; max-width: 19rem; } .compare b { display: block; font-size: min(1.35rem, 5.5cqw); }
    .compare .dense { fill: color-mix(in srgb, var(--ui) 42%, var(--paper)); } .compare .net { fill: var(--mark); } .compare path { fill: none; stroke: var(--mark); stroke-width: 1.5; }
    @media (forced-colors: active) { .compare svg { forced-color-adjust: none; } }
    .unit { grid-column: 1 / -1; }
    .scaled { grid-column: 1 / -1; margin: 0; color: var(--soft); font-size: .85rem; }
  `;
  const sign = (text) => h("span", { class: "sign", "aria-hidden": "true" }, text);
  /** Two places, and no 0 before the point: five numbers fit beside five. */
  const short = (v) => number(v).replace(/^(−?)0\./, "$1.");
  const grid = (caption, rows) => matrix(caption, rows, { show: short });
  return {
    /** The places of the layers' pictures, made once. */
    layOut() {
      this.views = { input: this.input };
      const part = (name, inside) => h("div", { class: "part layer" }, h("p", {}, this.t(name)), inside);
      const view = (name) => {
        const [maps, n, across] = LAYERS[name], gap = n > 1 ? 1 : 0;
        const canvas = node("canvas", { role: "img", "aria-label": this.t(name), width: across * (n + gap) - gap, height: (maps / across) * (n + gap) - gap, onclick: (event) => {
          const [x, y] = [event.offsetX / canvas.clientWidth * canvas.width, event.offsetY / canvas.clientHeight * canvas.height].map((v) => Math.max(0, Math.floor(v)));
          const [i, j] = [y, x].map((v) => Math.floor(v / (n + gap)));
          this.set({ layer: name, map: i * across + j, row: Math.min(n - 1, y % (n + gap)), column: Math.min(n - 1, x % (n + gap)) });
        } });
        return (this.views[name] = node("div", { class: "view" }, canvas));
      };
      this.verdict = node("p", { class: "verdict" });
      this.bars = node("div", { class: "bars" });
      this.unit = node("div", { class: "unit" });
      this.layers.className = "layers";
      this.shadowRoot.append(node("style", {}, CourseFigures.style + STYLE));
      patch(this.result, [this.verdict, this.bars]);
      patch(this.layers, [...SHOWN.map((name) => part(name, view(name))), h("p", { class: "scaled" }, this.t("scale_note")), this.unit, this.state.cover ? this.compare() : ""]);
    },
    /** What a dense layer of 100 units on a photo of 12 million pixels would need, beside this net: areas, to scale. */
    compare() {
      const photo = 4000 * 3000 * 3 * 100, own = Object.values(this.weights).reduce((sum, { data }) => sum + data.length, 0);
      const side = 150, small = side * Math.sqrt(own / photo);
      return h("div", { class: "compare" },
        h("svg", { viewBox: `0 0 ${side + 12} ${side}`, "aria-hidden": "true" }, h("rect", { class: "dense", width: side, height: side }), h("rect", { class: "net", y: side - small, width: small, height: small }),
          h("path", { d: `M${side + 12} ${side - 8} L6 ${side - 3} m7 -5 l-7 5 l8 3` })),
        h("div", {}, h("p", {}, this.t("cover_dense"), h("b", {}, number(photo))), h("p", {}, this.t("cover_net"), h("b", {}, number(own)))));
    },
    /** Frame a square of one map. */
    spot(name, map, row, column, size) {
      const view = this.views[name];
      if (!view) return;
      const [, n, across] = LAYERS[name], gap = n > 1 ? 1 : 0, { width, height } = view.firstChild;
      const box = { left: ((map % across) * (n + gap) + column) / width, top: (Math.floor(map / across) * (n + gap) + row) / height, width: size / width, height: size / height };
      (this.spots[name] ||= []).push(h("span", { class: "spot", style: Object.entries(box).map(([key, v]) => `${key}:${100 * v}%`).join(";") }));
    },
    compute(input) {
      const steps = { input, ...Object.fromEntries(lenet(this.weights, input)) };
      for (const name of SHOWN) this.picture(this.views[name].firstChild, steps[LAYERS[name][3]], LAYERS[name]);
      const shares = Array.from(steps.softmax.data), most = Math.max(...shares);
      const best = shares.indexOf(most);
      patch(this.verdict, [h("span", {}, this.t(most < SURE ? "guesses" : "answer")), h("b", {}, best), h("span", {}, this.percent(most))]);
      patch(this.bars, shares.map((share, digit) => h("div", { class: digit === best ? "best" : "" }, h("div", { class: "track", role: "img", "aria-label": `${digit}: ${this.percent(share)}` }, h("i", { class: "bar", style: `height:${100 * share}%` })), h("span", { "aria-hidden": "true" }, digit))));
      Object.assign(this, { steps, shares });
    },
    percent(share) {
      return this.t("share", { n: share > 0.9995 ? "> 99.9" : share < 0.0005 ? "< 0.1" : number(100 * share, 1) });
    },
    /** Every layer for the prepared image; the sentence. */
    show(state, input) {
      if (!this.views) this.layOut();
      this.spots = {};
      if (this.seen !== input) this.compute(input);
      this.seen = input;
      const { steps, shares } = this;
      const [best, next] = shares.map((_, i) => i).sort((a, b) => shares[b] - shares[a]);
      const told = this.t(shares[best] < SURE ? "unsure" : "reads", { digit: best, share: this.percent(shares[best]), next, other: this.percent(shares[next]) });
      const taken = this.explain(state, steps, shares);
      if (state.cover) this.spots = {};
      for (const [name, view] of Object.entries(this.views)) patch(view, [view.firstChild, ...(this.spots[name] || [])]);
      return state.cover ? told : this.sentences(told, taken);
    },
    /** One unit taken apart: its frames, its patch and kernel or its largest products; the sum in words. */
    explain({ layer, map, row, column }, steps, shares) {
      const [, n, , values, before] = LAYERS[layer];
      const source = steps[LAYERS[before][3] || before], [, m] = LAYERS[before];
      const value = steps[values].data[map * n * n + row * n + column];
      this.spot(layer, map, row, column, 1);
      const place = this.t(n > 1 ? "place" : "at_unit", { layer, map, row, column });
      const rows = (list, k) => Array.from({ length: k }, (_, i) => list.slice(i * k, i * k + k));
      const cut = (data, from, k, top, left) => Array.from({ length: k * k }, (_, i) => {
        const [y, x] = [top + Math.floor(i / k), left + (i % k)];
        return y >= 0 && y < m && x >= 0 && x < m ? data[from + y * m + x] : 0;
      });
      const says = (text) => this.t(text, { place, value: number(value) });
      if (layer.startsWith("pool")) {
        const square = cut(source.data, map * m * m, 2, 2 * row, 2 * column);
        this.spot(before, map, 2 * row, 2 * column, 2);
        patch(this.unit, [h("div", { class: "row" }, grid(this.t("patch", { layer: before, map }), rows(square, 2)))]);
        return says("largest");
      }
      const weight = this.weights[`${layer}.weight`], bias = this.weights[`${layer}.bias`].data[map];
      const size = weight.data.length / weight.shape[0], own = Array.from(weight.data.slice(map * size, (map + 1) * size));
      let sum = 0;
      if (n > 1) {
        const shift = layer === "conv1" ? 2 : 0;
        const pairs = Array.from({ length: weight.shape[1] }, (_, c) => [cut(source.data, c * m * m, 5, row - shift, column - shift), own.slice(25 * c, 25 * c + 25)]);
        const sums = pairs.map(([part, kernel]) => part.reduce((total, v, i) => total + v * kernel[i], 0));
        const strongest = sums.reduce((b, v, c) => (Math.abs(v) > Math.abs(sums[b]) ? c : b), 0);
        pairs.forEach((_, c) => this.spot(before, c, row - shift, column - shift, 5));
        sum = sums.reduce((a, b) => a + b);
        patch(this.unit, [h("div", { class: "row" }, grid(this.t("patch", { layer: before, map: strongest }), rows(pairs[strongest][0], 5)),
          sign("⋆"), grid(this.t("kernel", { map }), rows(pairs[strongest][1], 5))),
        ...(sums.length > 1 ? [h("p", { class: "formula" }, this.t("by_map", { sums: sums.map((v) => number(v)).join(" + ").replaceAll("+ −", "− "), sum: number(sum) }))] : [])]);
      } else {
        const products = own.map((w, i) => w * source.data[i]);
        sum = products.reduce((a, b) => a + b);
        const top = products.map((_, i) => i).sort((a, b) => Math.abs(products[b]) - Math.abs(products[a])).slice(0, 5);
        patch(this.unit, [h("div", { class: "row five" }, grid(this.t("strongest", { layer: before }),
          [top.map((i) => source.data[i]), top.map((i) => own[i]), top.map((i) => products[i])]))]);
      }
      return this.t(layer === "dense3" ? "score" : "adds", { place, count: size, sum: number(sum), bias: number(bias), total: number(sum + bias), value: number(value), share: this.percent(shares[map]) });
    },
  };
})();
