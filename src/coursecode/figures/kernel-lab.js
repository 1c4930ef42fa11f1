// A kernel on a photo, the reader's own or the camera's: the window under the pointer, its products, and their sum.
(() => {
  "use strict";
  const { Moving, Refused, clamp, define, h, node, number, themed, whenNear } = CourseFigures;
  const { tensor } = CourseMath;

  const MOST = 160;
  const row = (k) => (k === 3 ? [1, 2, 1] : [1, 4, 6, 4, 1]);
  const KERNELS = {
    edges: (a, b, k, c) => (b - c) * row(k)[a],
    rows: (a, b, k, c) => (a - c) * row(k)[b],
    outline: (a, b, k, c) => (a === c && b === c ? k * k - 1 : -1),
    sharpen: (a, b, k, c) => [5, -1][Math.abs(a - c) + Math.abs(b - c)] || 0,
    emboss: (a, b, k, c) => a + b - 2 * c || (a === c ? 1 : 0),
    blur: () => 1,
    gauss: (a, b, k) => row(k)[a] * row(k)[b],
    same: (a, b, k, c) => (a === c && b === c ? 1 : 0),
  };
  const numbers = (text) => {
    if (text !== "" && !text.split(",").every((v) => v.trim() !== "" && Math.abs(v) <= 99)) throw new Refused("−99 … 99, …");
    return text;
  };

  define("kernel-lab", class extends Moving {
    static moves = ["column", "row"];
    static settings = [
      { name: "kernel", kind: "choice", value: "edges", options: [...Object.keys(KERNELS), "own"] },
      { name: "size", kind: "choice", value: "3", options: ["3", "5"] },
      { name: "mean", kind: "toggle", value: 0 },
      { name: "show", kind: "choice", value: "signed", options: ["signed", "grey"] },
      { name: "border", kind: "choice", value: "valid", options: ["valid", "zero"] },
      { name: "row", kind: "range", value: 62, min: 0, max: (s) => s.far ? s.far[0] : MOST },
      { name: "column", kind: "range", value: 40, min: 0, max: (s) => s.far ? s.far[1] : MOST },
      { name: "own", kind: "hidden", value: "", parse: numbers },
    ];
    static style = `
      .two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: .4rem 1rem; }
      .pane p { margin: 0 0 .2rem; color: var(--soft); font-size: .85rem; }
      .view { position: relative; cursor: crosshair; touch-action: none; outline: 1px solid var(--rule); overflow: hidden; }
      canvas { display: block; width: 100%; image-rendering: pixelated; }
      .spot { position: absolute; outline: 2px solid var(--mark); box-shadow: 0 0 0 4px var(--paper); pointer-events: none; }
      .spot.one { box-shadow: 0 0 0 3px var(--paper); }
      .legend { forced-color-adjust: none; display: grid; grid-template-columns: auto 1fr auto; gap: .5rem; align-items: center; font-size: .8rem; color: var(--soft); grid-column: 2; }
      .legend i { height: .6rem; border: 1px solid var(--rule); background: linear-gradient(90deg, var(--below), var(--paper), var(--above)); } .legend.grey i { background: linear-gradient(90deg, #000, #fff); }
      .sum { display: flex; flex-wrap: wrap; gap: .3rem .5rem; justify-content: center; align-items: center; margin-top: .7rem; --cell: clamp(1.35rem, calc((100cqw - 4.2rem) / var(--all)), 2.3rem); }
      .sum .matrix { --side: max(var(--cell), calc(var(--long) * .4rem + .2rem)); }
      .sum .row { flex-wrap: nowrap; gap: inherit; }
      .sum .total { font-size: 1.25rem; font-weight: 700; border: 2px solid var(--mark); padding: .15rem .5rem; }
      .pixels td { border-color: var(--mark); }
      .kernel input { cursor: text; } .kernel input:hover { background: color-mix(in srgb, var(--mark) 14%, transparent); }
    `;

    connectedCallback() {
      if (this.shadowRoot) return;
      this.image = tensor([1, 150, 128]);
      this.fault = "loading";
      super.connectedCallback();
      themed(this);
      this.figure.setAttribute("aria-busy", true);
      whenNear(this, "photo.data.js", () => globalThis.COURSE_PHOTO).then(() => Object.assign(this, KERNEL_CAMERA).load(COURSE_PHOTO)).catch(() => { this.fault = "missing"; this.update(); })
        .finally(() => this.figure.removeAttribute("aria-busy"));
    }
    problem() { return this.fault && this.t(this.fault); }
    disconnectedCallback() {
      super.disconnectedCallback();
      if (this.stream) this.stop();
    }
    actions() {
      const own = node("input", { type: "file", accept: "image/*", onchange: () => { this.stop(); if (own.files[0]) this.load(own.files[0]); } });
      const camera = navigator.mediaDevices ? [["camera", () => (this.stream ? this.stop() : this.watch())]] : [];
      return [["file", () => { this.note(this.t("stays")); own.click(); }], ...camera, ["photo", () => { this.stop(); this.load(COURSE_PHOTO); }]];
    }
    build() {
      super.build();
      const view = (name) => {
        const canvas = node("canvas", { role: "img", "aria-label": this.t(name) });
        return node("div", { class: "view", ...this.follows((event) => this.point(event, canvas)) }, canvas);
      };
      this.views = [view("input"), view("output")];
      this.lower = node("div");
      this.legend = node("div", { class: "legend" });
      const pane = (title, inside) => h("div", { class: "pane" }, h("p", {}, title), inside);
      this.paint(h("div", { class: "two" }, pane(this.t("input"), this.views[0]), pane(this.t("output"), this.views[1]), this.legend), this.lower);
      this.board.ondragover = (event) => event.preventDefault();
      this.board.ondrop = (event) => { event.preventDefault(); if (event.dataTransfer.files[0]) this.load(event.dataTransfer.files[0]); };
    }
    /** The window stands where the pointer is. */
    point(event, canvas) {
      const box = canvas.getBoundingClientRect(), [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const edge = canvas === this.views[0].firstChild ? this.before() : 0;
      const [i, j] = [Math.floor(y * canvas.height) - edge, Math.floor(x * canvas.width) - edge];
      this.put({ row: i, column: j });
    }
    /** How far an output's pixel stands from the input's: a valid window has its middle half a kernel further in. */
    before() { return this.state.border === "valid" ? (this.state.size - 1) / 2 : 0; }
    weights({ kernel, own, size }) {
      const k = Number(size), c = (k - 1) / 2, mine = own.split(",").map(Number);
      return tensor([1, 1, k, k], Array.from({ length: k * k }, (_, i) => (kernel === "own" ? mine[i] || 0 : KERNELS[kernel](Math.floor(i / k), i % k, k, c))));
    }
    /** What the sum is divided by: the weights' sum where the reader wants a mean, else 1. */
    divisor(state, K) { return (state.mean && K.data.reduce((a, b) => a + b)) || 1; }
    code(state) {
      const by = this.divisor(state, this.weights(state));
      return `F.conv2d(X, K${by === 1 ? "" : ` / ${number(by)}`}${state.border === "zero" ? `, padding=${(state.size - 1) / 2}` : ""})`;
    }
    update() {
      const { state } = this, [, n, m] = this.image.shape, less = state.border === "valid" ? state.size - 1 : 0;
      state.far = [n - 1 - less, m - 1 - less];
      state.row = clamp(state.row, state.far[0]);
      state.column = clamp(state.column, state.far[1]);
      super.update();
    }
    set(changes, options) {
      const { kernel } = changes, mean = Number(/blur|gauss/.test(kernel));
      if (kernel && kernel !== "own") Object.assign(changes, { mean, show: mean || /sharpen|same/.test(kernel) ? "grey" : "signed" });
      super.set(changes, options);
    }

    draw(state, problem) { return problem ? "" : this.drawn(state); }
  });
})();
