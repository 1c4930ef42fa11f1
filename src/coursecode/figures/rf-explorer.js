// How much of the input one output sees: the cone through a stack of layers, its size by formula, its weight by paths.
(() => {
  "use strict";
  const { Base, define, h, number } = CourseFigures;
  const { pathCounts, receptiveField } = CourseMath;

  const DEPTH = 5;
  const PARTS = { kernel: [1, 5, 3], stride: [1, 3, 1], padding: [0, 4, 0], dilation: [1, 3, 1] };
  const own = Array.from({ length: DEPTH }, (_, l) => Object.entries(PARTS).map(([label, [min, max, value]]) => (
    { name: `${label}${l + 1}`, label, kind: "range", value, min, max, when: (s) => s.edit === l + 1, more: label === "padding" || label === "dilation" })));
  const stack = (size, ...layers) => Object.assign({ size, depth: layers.length, edit: 1 }, ...layers.map((layer, l) =>
    Object.fromEntries(Object.entries(PARTS).map(([part, [, , value]], i) => [`${part}${l + 1}`, layer[i] ?? value]))));

  define("rf-explorer", class extends Base {
    static settings = [
      { name: "size", kind: "range", value: 15, min: 5, max: 32 },
      { name: "depth", kind: "range", value: 3, min: 1, max: DEPTH },
      { name: "edit", kind: "range", value: 1, min: 1, max: (s) => s.depth || 1 },
      ...own.flat(),
    ];
    static walks = true;
    static predicts = true;
    static style = `
      .cone { display: block; width: 100%; height: auto; }
      .cone text { font-size: 13px; fill: var(--soft); }
      .cell { fill: var(--paper); stroke: var(--edge); }
      .cell.pad { stroke-dasharray: 2 2; stroke: var(--rule); }
      .seen { fill: var(--above); stroke: var(--edge); }
      .chosen { fill: var(--mark); stroke: var(--mark); }
      .beam { fill: color-mix(in srgb, var(--mark) 9%, transparent); stroke: var(--mark); stroke-linejoin: round; }
      .output { cursor: pointer; }
      table.fields { border-collapse: collapse; margin: .8rem auto 0; }
      .fields td, .fields th { padding: .2rem .6rem; text-align: end; border-bottom: 1px solid var(--rule); font-weight: 400; }
      .fields thead th { color: var(--soft); font-size: .85rem; }
      .fields tr.now td, .fields tr.now th { font-weight: 700; }
      @media (max-width: 30rem) { .fields td, .fields th { padding: .2rem .25rem; font-size: .85rem; } }
      @media (forced-colors: active) { .seen { fill: LinkText; } .chosen { fill: Highlight; } .beam { stroke: Highlight; } .cone { forced-color-adjust: none; } }
    `;
    actions() {
      return [
        ["plain", () => this.start_with(stack(15, [3], [3], [3], [3]))],
        ["strides", () => this.start_with(stack(31, [3, 2], [3, 2], [3], [3]))],
        ["lenet", () => this.start_with(stack(28, [5, 1, 4], [2, 2], [5], [2, 2]))],
      ];
    }
    start_with(state) {
      this.set(state);
      this.set({ at: Math.floor(this.count(this.state) / 2) });
    }
    layers(state) {
      return Array.from({ length: state.depth }, (_, l) =>
        Object.fromEntries(Object.keys(PARTS).map((part) => [part, state[`${part}${l + 1}`]])));
    }
    sizes(state) { return pathCounts(state.size, this.layers(state), -1).sizes; }
    count(state) { return Math.max(1, this.sizes(state).at(-1)); }
    problem(state) {
      const sizes = this.sizes(state);
      const l = sizes.findIndex((size) => size < 1);
      return l < 0 ? "" : this.t("no_fit", { layer: l, size: sizes[l - 1], kernel: state[`kernel${l}`] });
    }

    draw(state, problem) {
      const layers = this.layers(state);
      if (problem) {
        this.paint();
        return "";
      }
      const { at, depth } = state;
      const { sizes, counts } = pathCounts(state.size, layers, at);
      const fields = receptiveField(layers);
      const last = fields[depth - 1];
      const first = last.start + at * last.jump, end = first + last.size - 1;
      this.paint(this.cone(state, sizes, counts, fields, first, end), this.table(layers, sizes, fields));
      const [from, to] = [Math.max(0, first), Math.min(state.size - 1, end)];
      const top = layers[depth - 1], below = fields[depth - 2] || { size: 1, jump: 1 };
      const factors = [top.dilation > 1 ? top.dilation : 0, `(${top.kernel} − 1)`, below.jump].filter(Boolean);
      const sum = `${below.size} + ${factors.join("×")} = ${last.size}`;
      const sees = this.t("says", { at, depth, sum, from, to, seen: counts[0].filter(Boolean).length, size: state.size });
      return this.sentences(sees, end - first > to - from && this.t("outside", { rest: last.size - (to - from + 1) }));
    }

    /** Rows of cells, the input at the bottom; a cell is as dark as it has paths to the chosen output. */
    cone(state, sizes, counts, fields, first, end) {
      const n = state.size, left = Math.min(0, first), right = Math.max(n - 1, end), top = sizes.length - 1;
      const all = this.narrow ? 330 : 500, margin = 58, wide = (all - margin) / (right - left + 1), side = Math.min(26, wide * 0.84), gap = side + (this.narrow ? 18 : 22);
      const y = (l) => 4 + (top - l) * gap;
      const x = (column) => margin + (column - left + 0.5) * wide;
      const places = [{ size: 1, jump: 1, start: 0 }, ...fields];
      const middle = (l, i) => places[l].start + i * places[l].jump + (places[l].size - 1) / 2;
      const parts = [];
      if (!this.guessing) {
        // from the chosen output down: the first and the last cell of each row that the field takes in
        const edges = [];
        for (let l = top, from = state.at, to = state.at; l >= 0; l--) {
          edges.push([x(middle(l, from)) - side / 2 - 2, x(middle(l, to)) + side / 2 + 2, y(l)]);
          const { kernel, stride, padding, dilation } = this.layers(state)[l - 1] || {};
          from = from * stride - Math.ceil(padding / 2);
          to = to * stride - Math.ceil(padding / 2) + dilation * (kernel - 1);
        }
        const down = (edge) => edges.flatMap((at) => [`${at[edge].toFixed(1)},${at[2] - 2}`, `${at[edge].toFixed(1)},${(at[2] + side + 2).toFixed(1)}`]);
        parts.push(h("polygon", { class: "beam", points: [...down(0), ...down(1).reverse()].join(" ") }));
      }
      const box = (l, at, name, more = {}) => h("rect", { class: name, x: (x(at) - side / 2).toFixed(1), y: y(l).toFixed(1), width: side.toFixed(1), height: side.toFixed(1), rx: 2, ...more });
      for (let i = left; i <= right; i++) if (i < 0 || i >= n) parts.push(box(0, i, "cell pad"));
      sizes.forEach((size, l) => {
        const most = Math.max(...counts[l]);
        parts.push(h("text", { x: 0, y: (y(l) + side / 2 + 4.5).toFixed(1) }, l ? this.t("row", { l }) : this.t("input")));
        for (let i = 0; i < size; i++) {
          const chosen = l === top && i === state.at, seen = counts[l][i] && !(this.guessing && !chosen);
          const pick = l === top ? { onclick: () => this.set({ at: i }) } : {};
          parts.push(box(l, middle(l, i), `${chosen ? "chosen" : seen ? "seen" : "cell"}${l === top ? " output" : ""}`, { ...pick, ...(seen && !chosen ? { "fill-opacity": (0.25 + (0.75 * counts[l][i]) / most).toFixed(2) } : {}) }));
        }
      });
      return h("svg", { class: "cone", viewBox: `0 0 ${all} ${(y(0) + side + 6).toFixed(1)}`, "aria-hidden": "true" }, parts);
    }

    table(layers, sizes, fields) {
      const row = (name, cells, now) => h("tr", { class: now ? "now" : "" }, h("th", { scope: "row" }, name), cells.map((cell) => h("td", {}, cell)));
      return h("table", { class: "fields" },
        h("thead", {}, h("tr", {}, ["layer", "window", "map", "jump", "field"].map((key) => h("th", { scope: "col" }, this.t(key))))),
        h("tbody", {}, row(this.t("input"), ["", number(sizes[0]), 1, 1]), layers.map((l, i) => row(i + 1,
          [[["k", l.kernel], ["s", l.stride], ["p", l.padding], ["d", l.dilation]].filter(([name, v]) => name === "k" || v > (name === "p" ? 0 : 1)).map((pair) => pair.join(" ")).join(", "),
            sizes[i + 1], fields[i].jump, this.answer(fields[i].size)], i === layers.length - 1))));
    }
  });
})();
