// A kernel walks over a padded input: every sum with its numbers, the size formula, and what its floor leaves out.
(() => {
  "use strict";
  const { Base, Refused, clamp, define, drag, framed, h, matrix, number, rowsOf, tint } = CourseFigures;
  const { correlate, flip, outputSize, pad, padSides, tensor } = CourseMath;

  const IMAGES = {
    digits: (i, j) => (3 * i * i + 5 * j + i * j + 2) % 7,
    count: (i, j, width) => i * width + j,
    band: (i, j, width) => (j >= width / 3 && j < (2 * width) / 3 ? 0 : 1),
  };
  const KERNELS = {
    count: (a, b, width) => a * width + b + 1,
    sum: () => 1,
    edge: (a, b, width) => (b === 0 ? 1 : 0) - (b === width - 1 ? 1 : 0),
  };
  const numbers = (text) => {
    if (text !== "" && !text.split(",").every((v) => v.trim() !== "" && Math.abs(v) <= 99)) throw new Refused("−99 … 99, …");
    return text;
  };
  const split = (state) => state.split === 1;
  const times = (sizes) => sizes.join("×");
  const pair = (name, value, min, max) => [
    { name, kind: "range", value, min, max },
    { name: `${name}_w`, label: [name, "width"], kind: "range", value, min, max, when: split },
  ];

  define("conv-stepper", class extends Base {
    static settings = [
      ...pair("size", 6, 1, 9), ...pair("kernel", 3, 1, 5), ...pair("padding", 0, 0, 4), ...pair("stride", 1, 1, 4), ...pair("dilation", 1, 1, 3),
      { name: "weights", kind: "choice", value: "count", options: [...Object.keys(KERNELS), "own"] },
      { name: "flip", kind: "toggle", value: 0, more: true },
      { name: "line", kind: "toggle", value: 0, more: true },
      { name: "causal", kind: "toggle", value: 0, more: true },
      { name: "split", kind: "toggle", value: 0, more: true },
      { name: "image", kind: "choice", value: "digits", options: Object.keys(IMAGES), more: true },
      { name: "own", kind: "hidden", value: "", parse: numbers },
      { name: "follow", kind: "choice", value: "output", options: ["output", "pixel"], more: true },
    ];
    static walks = true;
    static predicts = true;
    static style = `
      .stage { display: grid; grid-template-columns: auto auto; gap: .6rem 1rem; justify-content: center; align-items: center; --cell: clamp(1.2rem, calc((100cqw - 3.6rem) / var(--all)), 2.4rem); }
      .stage > .matrix:first-child { grid-row: 1 / 3; }
      .stage.tall { display: flex; flex-wrap: wrap; --cell: clamp(1.2rem, calc((100cqw - 2.5rem) / var(--all)), 2.4rem); }
      .arm { flex-wrap: nowrap; gap: .6rem; }
      .arm .sign { width: .8em; text-align: center; }
      .kernel td { border-color: var(--mark); }
      .grab td.window { cursor: grab; touch-action: none; }
      .leftover { text-align: center; color: var(--soft); margin: 0; }
    `;

    /** The settings on both axes, height first, and the reach of a dilated kernel; along one axis there is one row. */
    axes(state) {
      const both = (name) => [state.line ? Number(name !== "padding") : state[name], split(state) ? state[`${name}_w`] : state[name]];
      const [n, k, p, s, d] = ["size", "kernel", "padding", "stride", "dilation"].map(both);
      return { n, k, p, s, d, reach: k.map((size, axis) => d[axis] * (size - 1) + 1), m: n.map((size, axis) => outputSize(size, k[axis], p[axis], s[axis], d[axis])) };
    }
    count(state) {
      const { n, m } = this.axes(state);
      return state.follow === "pixel" ? n[0] * n[1] : Math.max(1, m[0] * Math.max(1, m[1]));
    }
    columns(state) {
      const { n, m } = this.axes(state);
      return state.follow === "pixel" ? n[1] : Math.max(1, m[1]);
    }
    problem(state) {
      const { n, p, m, reach } = this.axes(state);
      if (m.every((size) => size >= 1)) return "";
      return this.t("no_fit", { kernel: times(reach), input: times(n.map((size, axis) => size + p[axis])), padding: times(p) });
    }
    kernel(state) {
      const { k } = this.axes(state);
      const own = state.own.split(",").map(Number), make = KERNELS[state.weights] || ((a, b) => own[a * k[1] + b] || 0);
      return tensor([1, 1, ...k], Array.from({ length: k[0] * k[1] }, (_, i) => make(Math.floor(i / k[1]), i % k[1], k[1])));
    }
    code(state) {
      const { p, s, d } = this.axes(state), { line } = state;
      const text = (v) => (line || v[0] === v[1] ? `${v[1]}` : `(${v[0]}, ${v[1]})`);
      const [[above, below], [left, right]] = p.map((total) => padSides(total, state.causal));
      const even = above === below && left === right;
      const X = even ? "X" : `F.pad(X, (${left}, ${right}${line ? "" : `, ${above}, ${below}`}))`;
      const options = [even && p.some(Boolean) ? `padding=${text([above, left])}` : "", ...Object.entries({ stride: s, dilation: d }).map(([name, v]) => (v.some((step) => step > 1) ? `${name}=${text(v)}` : ""))];
      return `F.conv${line ? 1 : 2}d(${[X, state.flip ? `K.flip(${line ? "" : "-2, "}-1)` : "K", ...options.filter(Boolean)].join(", ")})`;
    }

    draw(state, problem) {
      const { n, k, p, s, d, m } = this.axes(state);
      const image = tensor([1, ...n], Array.from({ length: n[0] * n[1] }, (_, i) => IMAGES[state.image](Math.floor(i / n[1]), i % n[1], n[1])));
      const padded = pad(image, p, 0, state.causal);
      const own = this.kernel(state);
      const used = state.flip ? flip(own) : own;
      const output = problem ? null : correlate(padded, used, { stride: s, dilation: d });
      const [top, left] = p.map((total) => padSides(total, state.causal)[0]);
      const byPixel = state.follow === "pixel";
      const width = this.columns(state);
      const at = [Math.floor(state.at / width), state.at % width];
      const corner = at.map((v, axis) => v * s[axis]);
      const pixel = [at[0] + top, at[1] + left];
      // which of the kernel's rows or columns lies on row or column i of the padded input in window o; -1 if none does
      const tap = (axis, i, o) => {
        const a = (i - o * s[axis]) / d[axis];
        return Number.isInteger(a) && a < k[axis] ? a : -1;
      };
      const windows = (axis, i) => Array.from({ length: m[axis] }, (_, o) => o).filter((o) => tap(axis, i, o) >= 0);
      const spread = Math.max(...d) > 1;
      const outside = (i, j) => i < top || i >= top + n[0] || j < left || j >= left + n[1];
      const inputCell = (i, j) => {
        const unread = !problem && !(windows(0, i).length && windows(1, j).length);
        const [a, b] = [i, j].map((v, axis) => tap(axis, v, at[axis]));
        const frame = problem || byPixel ? "" : framed(a, b, ...k), seen = frame && spread ? framed(0, 0, 1) : frame;
        const hot = byPixel && i === pixel[0] && j === pixel[1];
        return { class: [outside(i, j) && "frame", unread && "unread", seen, hot && "hot"].filter(Boolean).join(" "), "data-link": seen && `t${a * k[1] + b}` };
      };
      const pick = (i, j) => {
        if (!outside(i, j)) this.set({ follow: "pixel", at: (i - top) * n[1] + j - left });
      };
      const readers = byPixel && !problem ? pixel.map((v, axis) => windows(axis, v)) : [[], []];
      const outputCell = (i, j) => {
        const now = byPixel ? readers[0].includes(i) && readers[1].includes(j) : i === at[0] && j === at[1];
        return { class: now ? "hot" : "" };
      };
      const X = matrix(`${this.t(p.some(Boolean) ? "padded" : "input")} ${times(padded.shape.slice(1))}`, rowsOf(padded), {
        cell: inputCell, pick, name: "grab", onpointerdown: (event) => this.pull(event, at, m, s),
      });
      const Y = output ? matrix(`${this.t("output")} ${this.guessing ? "?" : times(m)}`, rowsOf(output), {
        cell: outputCell, show: (v) => this.answer(number(v)), tinted: !this.guessing,
        pick: (i, j) => this.set({ follow: "output", at: i * m[1] + j }),
        over: byPixel ? undefined : (i, j) => this.peek(i === undefined ? null : { at: i * m[1] + j }),
      }) : h("p", { class: "formula" }, "—");
      const arm = (text, inside) => h("div", { class: "row arm" }, h("span", { class: "sign", "aria-hidden": "true" }, text), inside);
      // the input above the kernel where cells beside each other would be smaller than 24 pixels
      const all = n[1] + p[1] + Math.max(k[1], m[1], 3), tall = state.line || 24 * all + 58 > this.across;
      this.paint(h("div", { class: `stage ${tall ? "tall" : ""}`, style: `--all:${tall ? Math.max(k[1], m[1]) : all}${state.line ? ";flex-direction:column" : ""}` }, X, arm("⋆", this.kernelTable(used, state)), arm("=", Y)), this.below(state));
      if (problem) return "";
      if (byPixel) {
        const found = readers[0].flatMap((i) => readers[1].map((j) => `Y[${i}, ${j}]`));
        return this.t("pixel_says", { i: at[0], j: at[1], count: found.length, outputs: found.join(", ") });
      }
      const terms = [];
      for (let a = 0; a < k[0]; a++) {
        for (let b = 0; b < k[1]; b++) {
          const values = [padded.data[(corner[0] + a * d[0]) * (n[1] + p[1]) + corner[1] + b * d[1]], used.data[a * k[1] + b]];
          terms.push(this.term(values.map((v) => (v < 0 ? `(${number(v)})` : number(v))).join("×"), `t${terms.length}`));
        }
      }
      return this.told("says", { i: at[0], j: at[1], sum: this.added(terms), value: number(output.data[state.at]), row: corner[0], column: corner[1] });
    }

    /** Take hold of the window and pull it over the input. */
    pull(event, at, m, s) {
      const side = event.target.offsetWidth;
      if (event.target.matches(".window")) drag(event, ({ clientX, clientY }) => {
        const to = [clientY - event.clientY, clientX - event.clientX].map((by, axis) => clamp(at[axis] + Math.round(by / side / s[axis]), m[axis] - 1));
        this.set({ at: to[0] * m[1] + to[1] }, { quiet: true });
      });
    }
    /** The kernel's cells can be edited. */
    kernelTable({ shape: [, , height, width], data }, state) {
      const rows = Array.from({ length: height }, (_, a) => Array.from({ length: width }, (_, b) => h("input", {
        inputmode: "numeric", value: number(data[a * width + b]), "aria-label": this.t("weight", { a, b }),
        oninput: (event) => this.edit(event.target, a, b),
      })));
      const most = Math.max(...Array.from(data, Math.abs));
      return matrix(`${this.t(state.flip ? "flipped" : "weights_title")} ${height}×${width}`, rows, {
        name: "kernel", cell: (a, b) => ({ class: tint(data[a * width + b], most), "data-link": state.follow === "output" && `t${a * width + b}` }),
      });
    }
    edit(input, a, b) {
      const text = input.value.replace("−", "-").trim(), value = Number(text), data = Array.from(this.kernel(this.state).data);
      const along = a * this.axes(this.state).k[1] + b, at = this.state.flip ? data.length - 1 - along : along;
      if (text === "" || text === "-") return;
      if (Math.abs(value) <= 99) {
        data[at] = value;
        this.set({ weights: "own", own: data.join(",") });
      } else this.note(this.t("refused", { name: this.t("weight", { a, b }), value: text, allowed: "−99 … 99", used: number(data[at]) }));
    }

    /** The size formula with its numbers, and what is left over. */
    below(state) {
      const { n, p, s, m, reach: k } = this.axes(state);
      const mo = (sign) => h("mo", {}, sign), mn = (value) => h("mn", {}, value);
      const formula = (axis) => h("math", { displaystyle: "true" }, h("mrow", {}, mo("⌊"),
        h("mfrac", {}, h("mrow", {}, mn(n[axis]), mo("−"), mn(k[axis]), mo("+"), mn(p[axis]), mo("+"), mn(s[axis])), mn(s[axis])),
        mo("⌋"), mo("="), mn(this.answer(number(m[axis])))));
      const same = state.line || [n, k, p, s].every((v) => v[0] === v[1]);
      const lines = same ? [formula(1)] : [formula(0), " , ", formula(1)];
      const left = [0, 1].map((axis) => (m[axis] < 1 ? 0 : (n[axis] + p[axis] - k[axis]) % s[axis]));
      const told = m.some((size) => size < 1) || this.guessing ? "" : left.some(Boolean) ? this.t("leftover", { rows: left[0], columns: left[1] }) : this.t("fits");
      return h("div", { class: "below" }, h("p", { class: "formula" }, lines), h("p", { class: "leftover" }, told));
    }
  });
})();
