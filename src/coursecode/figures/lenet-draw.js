// A drawn digit through LeNet with the chapter's own weights: drawing and preparing it. What needs the weights comes with
// them: lenet-draw.layers.js.
(() => {
  "use strict";
  const { Base, Refused, define, h, node, patch, whenNear } = CourseFigures;
  const { centre, paint, tensor } = CourseMath;

  const SAMPLES = ["ey50he5sj87yk5b5jzetiricgpl3e5mlbkml9dl37zic7let8bb59z7ycc5sey50", "b78kfe50dams", "8r989x78bv5re951go59io6bjw82k4a6jcca72msj2ms", "8x7xad6bcg5aer51gw5lif6wj48oisalhicbfjdhd8dwftebhtfhiuh7iqj4hhkwfcm7cpmra2mi7xlh6ojv", "ag5g7zf0jjf0.if5wgems", "aw5g94d0bec5dzbxgbcphzeaingfi7iqgqkqehm3bxmk9hm27lkn.aw5gk85g", "ig5gfc61da74bh8oa0an8ycv8ef884hn8fjq9mlfbimedrmhfxlphok5ioi4irfzhwe3g8cte3ccbucs9ve28kfy87h0", "8n5wkn5wbims", "dxdobjcva9arak85cd61ex58hb61il85iaargicvdxdo.dxdog1e3hpf8imgwimiuhpkog1m4dxmwbpmw9sm48gko80iu8ggw9sf8bpe3dxdo", "iracil8chl6pfy5pdy5hby64a97h989b8zbd9ld7axekcsf7euezgpdzi4cciracgems"];
  // maps and their side
  const LAYERS = { conv1: [6, 28], pool1: [6, 14], conv2: [16, 10], pool2: [16, 5], dense1: [120, 1], dense2: [84, 1], dense3: [10, 1] };
  const points = (ink) => (ink ? ink.split(".").map((line) => (line.match(/..../g) || []).map((p) => [parseInt(p.slice(0, 2), 36), parseInt(p.slice(2), 36)])) : []);
  const written = (strokes) => strokes.map((line) => line.flat().map((v) => v.toString(36).padStart(2, "0")).join("")).join(".");
  const sizes = (s) => LAYERS[s.layer] || LAYERS.conv1, side = (s) => sizes(s)[1] - 1;
  const flat = (s) => side(s) > 0;

  define("lenet-draw", class extends Base {
    static settings = [
      { name: "digit", kind: "hidden", value: "3", options: [..."0123456789", "own"] },
      { name: "ink", kind: "hidden", value: "", parse: (text) => {
        const whole = text === "" || text.split(".").every((line) => /^([0-9a-z]{4})+$/.test(line));
        if (text.length > 6000 || !whole || points(text).flat(2).some((v) => v > 1000)) throw new Refused("0 … 1000, …");
        return text;
      } },
      { name: "cover", kind: "hidden", value: 0, min: 0, max: 1 },
      { name: "pen", kind: "range", value: 85, min: 30, max: 130 },
      { name: "dx", kind: "range", value: 0, min: -8, max: 8 },
      { name: "dy", kind: "range", value: 0, min: -8, max: 8 },
      { name: "layer", kind: "choice", value: "conv1", options: Object.keys(LAYERS), more: true },
      { name: "map", kind: "range", value: 0, min: 0, max: (s) => sizes(s)[0] - 1, more: true },
      { name: "row", kind: "range", value: 12, min: 0, max: side, when: flat, more: true },
      { name: "column", kind: "range", value: 12, min: 0, max: side, when: flat, more: true },
    ];
    static wide = false;
    static style = `
      .read { display: grid; grid-template-columns: minmax(0, 1fr); gap: .8rem 1.6rem; justify-items: center; align-items: center; }
      .pad { width: min(100%, 17.5rem); aspect-ratio: 1; border: 2px solid var(--edge); border-radius: .4rem; touch-action: none; cursor: crosshair; display: block; }
      .pad polyline { fill: none; stroke: var(--ink); stroke-linecap: round; stroke-linejoin: round; }
      .pad rect { fill: none; stroke: var(--rule); stroke-width: 6; stroke-dasharray: 20 14; }
      .pad text { fill: var(--soft); font-size: 70px; text-anchor: middle; }
      .part { margin: 0; } .part p { margin: 0 0 .2rem; color: var(--soft); font-size: .85rem; }
      .view { position: relative; display: block; }
      canvas { width: 100%; display: block; image-rendering: pixelated; background: var(--rule); }
      .stage .view { width: 6rem; }
      .digits { justify-content: center; margin: .6rem 0 0; gap: .3rem; } .digits button { padding: 0; }
      .answer { width: min(100%, 22rem); min-height: 12.4rem; }
      .cover .side, .cover summary, .cover .stage, .cover .unit, .cover .scaled, .cover .layer:nth-child(n + 5) { display: none; } .cover .inside { border: 0; }
      .board > .buttons { justify-content: center; }
      details.inside { margin-top: .6rem; border-top: 1px solid var(--rule); }
      @container board (min-width: 36rem) { .read { grid-template-columns: 17.5rem minmax(0, 1fr); } .answer { min-height: 13rem; } }
    `;

    connectedCallback() {
      if (this.shadowRoot) return;
      this.fault = "loading";
      super.connectedCallback();
      this.figure.setAttribute("aria-busy", true);
      whenNear(this, "lenet-draw.data.js", () => globalThis.LENET_DRAW).then(() => {
        this.fault = "damaged";
        const { weights, checksum } = LENET_DRAW;
        const bytes = CourseMath.fromBase64(weights);
        if (CourseMath.checksum(bytes) !== checksum) throw new RangeError(checksum);
        this.weights = CourseMath.lenetWeights(CourseMath.halfToFloat(bytes));
        Object.assign(this, LENET_LAYERS);
        this.fault = "";
      }).catch(() => { if (this.fault === "loading") this.fault = "missing"; }).finally(() => {
        this.figure.removeAttribute("aria-busy");
        this.update();
      });
    }
    problem() { return this.fault ? this.t(this.fault) : ""; }
    actions() {
      return [["undo", () => this.set({ digit: "own", ink: written(this.strokes().slice(0, -1)) })], ["clear", () => this.set({ digit: "own", ink: "" })]];
    }
    /** The arrow keys move the centred digit. */
    key(name) {
      const by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1], Home: [-this.state.dx, -this.state.dy] }[name];
      if (by) this.set(Object.fromEntries(["dx", "dy"].map((axis, i) => [axis, Math.max(-8, Math.min(8, this.state[axis] + by[i]))])));
      return Boolean(by);
    }
    place({ dx }) { return [dx + 8, 16]; }
    strokes({ digit, ink } = this.state) { return points(digit === "own" ? ink : SAMPLES[digit]); }
    update() {
      const s = this.state;
      this.figure.classList.toggle("cover", Boolean(s.cover)); // on the book's first page: the digit, its maps, the answer
      s.map = Math.min(s.map, sizes(s)[0] - 1);
      for (const axis of ["row", "column"]) s[axis] = Math.min(s[axis], side(s));
      super.update();
    }

    /** Pointer and pen: a new stroke begins, grows, ends. */
    pen(event) {
      const { left, top, width } = this.pad.getBoundingClientRect();
      const at = [event.clientX - left, event.clientY - top].map((v) => Math.round(Math.max(0, Math.min(1000, (1000 * v) / width))));
      if (event.type === "pointerdown") {
        this.pad.setPointerCapture(event.pointerId);
        this.lines = [...(this.state.digit === "own" ? this.strokes() : []), [at]];
      } else if (this.lines && Math.hypot(...this.lines.at(-1).at(-1).map((v, i) => v - at[i])) > 14) this.lines.at(-1).push(at);
      else return;
      event.preventDefault();
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => this.set({ digit: "own", ink: written(this.lines || this.strokes()).slice(0, 6000) }));
    }

    build() {
      super.build();
      const pen = (event) => this.pen(event), lift = () => { cancelAnimationFrame(this.frame); if (this.lines) this.set({ digit: "own", ink: written(this.lines) }); this.lines = null; };
      this.pad = node("svg", { class: "pad", viewBox: "0 0 1000 1000", role: "img", "aria-label": this.t("pad"), onpointerdown: pen, onpointermove: pen, onpointerup: lift, onpointercancel: lift });
      const part = (title, ...inside) => h("div", { class: "part" }, h("p", {}, title), ...inside);
      this.samples = [..."0123456789"].map((digit) => node("button", { type: "button", "aria-label": this.t("sample", { digit }), onclick: () => this.set({ digit }) }, digit));
      this.scaled = node("canvas", { role: "img", "aria-label": this.t("scaled") });
      this.input = node("div", { class: "view" }, h("canvas", { width: 28, height: 28, role: "img", "aria-label": this.t("input") }));
      this.result = node("div", { class: "answer" });
      this.layers = node("div");
      this.inside = node("details", { class: "inside", open: true }, h("summary", {}, this.t("inside")),
        h("div", { class: "row stage" }, part(this.t("scaled"), h("div", { class: "view" }, this.scaled)), h("span", { class: "sign", "aria-hidden": "true" }, "→"), part(this.t("input"), this.input)), this.layers);
      this.paint(h("div", { class: "read" }, this.pad, this.result), h("div", { class: "buttons digits", role: "group", "aria-label": this.t("samples") }, this.samples), this.buttons, this.inside);
    }
    /** On a phone what is inside is folded, so that the pad and its answer are seen together. */
    resized(narrow) { this.inside.open = this.state.cover || !narrow; }
    /** Maps beside each other, black to white, the brightest of the layer white. */
    picture(canvas, { data }, [maps, n, across], width = n) {
      const gap = n > 1 && maps > 1 ? 1 : 0, context = canvas.getContext("2d", { willReadFrequently: true });
      const pixels = context.createImageData(canvas.width, canvas.height);
      const colours = new Uint32Array(pixels.data.buffer);
      let most = 1e-9;
      for (let i = 0; i < data.length; i++) if (data[i] > most) most = data[i];
      for (let map = 0, at = 0; map < maps; map++) {
        for (let i = 0; i < n; i++) {
          let to = (Math.floor(map / across) * (n + gap) + i) * canvas.width + (map % across) * (width + gap);
          for (let j = 0; j < width; j++) colours[to++] = 0xff000000 | (0x010101 * Math.round(18 + 237 * Math.max(0, data[at++] / most)));
        }
      }
      context.putImageData(pixels, 0, 0);
    }
    /** The drawing on its field, its box, and what becomes of it. */
    prepare(state) {
      const strokes = this.strokes(), prepared = centre(paint(strokes, state.pen));
      this.prepared = prepared;
      const box = prepared && prepared.box.map((v) => (v * 1000) / 112);
      patch(this.pad, [...strokes.map((line) => h("polyline", { points: [...line, line.at(-1)].join(" "), "stroke-width": state.pen })),
        box ? h("rect", { y: box[0], x: box[1], height: box[2], width: box[3] }) : h("text", { x: 500, y: 520 }, this.t("drawing"))]);
      const scaled = prepared ? prepared.scaled : tensor([1, 20, 20]), [, height, width] = scaled.shape;
      if (this.scaled.width !== width || this.scaled.height !== height) Object.assign(this.scaled, { width, height });
      this.picture(this.scaled, scaled, [1, height, 1], width);
      this.samples.forEach((button, i) => button.setAttribute("aria-pressed", state.digit === `${i}`));
    }
    draw(state, problem) {
      const drawn = `${state.digit} ${state.ink} ${state.pen}`;
      if (this.drawn !== drawn) this.prepare(state);
      this.drawn = drawn;
      const { prepared } = this, moved = `${drawn} ${state.dx} ${state.dy}`;
      if (this.moved !== moved) {
        this.image = tensor([1, 28, 28]);
        if (prepared) {
          prepared.image.data.forEach((v, i) => {
            const [y, x] = [Math.floor(i / 28) + state.dy, (i % 28) + state.dx];
            if (y >= 0 && y < 28 && x >= 0 && x < 28) this.image.data[y * 28 + x] = v;
          });
        }
        this.picture(this.input.firstChild, this.image, [1, 28, 1]);
      }
      this.moved = moved;
      this.inside.hidden = Boolean(problem || !prepared);
      this.result.hidden = this.inside.hidden && this.fault !== "loading"; // the answer's room is kept until it can come
      if (problem) return "";
      if (!prepared) return this.t("empty");
      return this.show(state, this.image);
    }
  });
})();
