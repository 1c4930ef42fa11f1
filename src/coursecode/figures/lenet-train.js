// LeNet learns in the page: its kernels form, its mistakes gather on the diagonal, and it can be broken.
(() => {
  "use strict";
  const { normal } = CourseMath;
  const { Base, define, h, matrix, node, number, patch, script, tint } = CourseFigures;

  const RATES = ["0.002", "0.02", "0.1", "1"];
  const EPOCHS = 12;

  define("lenet-train", class extends Base {
    static settings = [
      { name: "rate", kind: "choice", value: "0.02", options: RATES },
      { name: "activation", kind: "choice", value: "relu", options: ["relu", "sigmoid"] },
      { name: "bias", kind: "toggle", value: 1 },
      { name: "shuffled", kind: "toggle", value: 0 },
      { name: "seed", kind: "range", value: 0, min: 0, max: 9 },
    ];
    static style = `
      .top { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem .7rem; margin: 0 0 .6rem; } .top b { font-size: 2.4rem; line-height: 1; } .top span { color: var(--soft); }
      .confusion { --cell: clamp(1.1rem, calc((100cqw - 1rem) / 11), 1.75rem); }
      .panes { display: grid; gap: .8rem 1.2rem; align-items: start; }
      @container board (min-width: 22rem) { .panes { grid-template-columns: minmax(0, 8.5rem) minmax(0, 1fr); } .panes .kernels { grid-template-columns: repeat(2, minmax(0, 1fr)); } .confusion { --cell: clamp(1.1rem, calc((100cqw - 10.5rem) / 11), 1.75rem); } }
      .pane > p { margin: 0 0 .25rem; color: var(--soft); font-size: .85rem; }
      .kernels { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .4rem; max-width: 14rem; } canvas { width: 100%; aspect-ratio: 1; image-rendering: pixelated; outline: 1px solid var(--rule); display: block; }
      .curve { display: block; width: 100%; max-width: 24rem; height: auto; margin-top: .7rem; } .curve text { font-size: 11px; fill: var(--soft); } .curve .axis { stroke: var(--rule); fill: none; } .curve polyline { fill: none; stroke: var(--ui); } .curve .seen { stroke: var(--above); stroke-width: 2; }
      .confusion td.right { font-weight: 700; } .confusion .head { border: 0; color: var(--soft); font-size: .8rem; }
      .ends { forced-color-adjust: none; display: flex; justify-content: space-between; max-width: 14rem; margin: .2rem 0 0; font-size: .75rem; color: var(--soft); }
      .plus { color: var(--above); } .minus { color: var(--below); }
      button.go { background: var(--ui); color: var(--paper); font-weight: 600; }
    `;

    connectedCallback() {
      if (this.shadowRoot) return;
      this.result = { losses: [], right: [] };
      super.connectedCallback();
      if (!this.hasAttribute("poster")) return;
      this.figure.setAttribute("aria-busy", true); // the static picture shows a net that has learned a little
      this.train(1);
    }
    disconnectedCallback() {
      super.disconnectedCallback();
      this.stop();
    }
    actions() { return [["train", () => (this.worker ? this.stop() : this.train(EPOCHS))]]; }
    build() {
      super.build();
      this.go = this.buttons.firstChild;
      this.go.className = "go";
    }
    /** Another setting is another net: what was learned is let go. */
    update() {
      const { rate, activation, bias, shuffled, seed } = this.state, net = [rate, activation, bias, shuffled, seed].join();
      const other = this.net !== undefined && this.net !== net;
      this.net = net;
      if (other) {
        this.result = { losses: [], right: [] };
        this.stop();
      }
      super.update();
    }
    async train(epochs) {
      this.result = { losses: [], right: [], busy: true };
      this.note("");
      this.update();
      try {
        if (!globalThis.LENET_TRAIN) await script("lenet-train.data.js");
        const { train, test, labels } = await LENET_TRAIN.unpack();
        if (!this.result.busy) return; // stopped while the digits were on their way
        const { rate, activation, bias, shuffled, seed } = this.state;
        this.worker = LENET_TRAIN.worker();
        this.worker.onmessage = ({ data }) => this.hear(data);
        this.worker.postMessage({ train, test, labels, epochs, rate: Number(rate), activation, bias: Boolean(bias), shuffled: Boolean(shuffled), seed });
      } catch {
        this.stop(); // it draws the figure anew, which takes earlier notes away
        this.note(this.t("missing"));
        return;
      }
      this.sayLine.setAttribute("aria-live", "off");
      this.update();
    }
    stop() {
      if (this.worker) this.worker.terminate();
      this.worker = null;
      this.result.busy = false;
      this.sayLine.setAttribute("aria-live", "polite");
      this.figure.removeAttribute("aria-busy");
      if (this.isConnected) this.update();
    }
    /** News from the worker, some ten times a second. */
    hear(news) {
      Object.assign(this.result, news);
      if (news.loss !== undefined) this.result.losses.push(news.loss);
      if (news.correct !== undefined) this.result.right.push([this.result.losses.length, news.correct]);
      if (news.done) this.stop();
      else this.update();
    }

    kernel(weights, most, at) {
      const canvas = node("canvas", { width: 5, height: 5, role: "img", "aria-label": this.t("kernel", { at }) });
      const context = canvas.getContext("2d"), pixels = context.createImageData(5, 5);
      weights.forEach((w, i) => pixels.data.set([...(w < 0 ? this.minus : this.plus), (255 * Math.abs(w)) / most], 4 * i));
      context.putImageData(pixels, 0, 0);
      return canvas;
    }
    curve({ losses, right }) {
      const wide = 280, high = 110, all = Math.max(40, losses.length), top = 2.5;
      const x = (i) => 4 + ((wide - 8) * i) / (all - 1), y = (loss) => 6 + (high - 10) * (1 - Math.min(1, loss / top));
      const line = (points) => points.map((p) => p.map((v) => v.toFixed(1)).join()).join(" ");
      return h("svg", { class: "curve", viewBox: `0 0 ${wide} ${high + 18}`, "aria-hidden": "true" },
        h("path", { class: "axis", d: `M4 6V${high - 4}H${wide - 4}` }), h("polyline", { points: line(losses.map((v, i) => [x(i), y(v)])) }),
        h("polyline", { class: "seen", points: line(right.map(([i, v]) => [x(Math.max(0, i - 1)), 6 + (high - 10) * (1 - v / 1000)])) }),
        h("text", { x: 8, y: high + 13 }, this.t("curve")));
    }

    draw() {
      const { result } = this, { correct, epoch = 0, kernels, confusion, busy, loss } = result;
      this.go.textContent = this.t(busy ? "stop" : "train");
      const heads = Array.from({ length: 10 }, (_, i) => h("span", {}, i));
      const table = confusion || heads.map(() => Array(10).fill(0));
      const pane = (title, ...inside) => h("div", { class: "pane" }, h("p", {}, title), inside);
      const colours = h("p", { class: "ends" }, h("span", { class: "minus" }, "−"), h("span", {}, "0"), h("span", { class: "plus" }, "+"));
      this.paint(h("p", { class: "top" }, h("b", {}, correct === undefined ? "?" : this.t("share", { n: number(correct / 10, 1) })), h("span", {}, this.t("held_out")), h("span", {}, this.t("epoch", { epoch: number(epoch, 1) }))),
        h("div", { class: "panes" },
          pane(this.t("kernels"), this.box ||= node("div", { class: "kernels" }), colours),
          pane(this.t("confusion"), h("div", { class: "confusion" }, matrix("", [["", ...heads], ...table.map((line, i) => [heads[i], ...line])], {
            tinted: false, "aria-label": this.t("confusion"), show: (v) => (v ? `${v}` : v === 0 ? "·" : ""),
            cell: (i, j, v) => (i && j ? { class: `${i === j ? "right" : ""}${tint(i === j ? v : -v, i === j ? 100 : 12)}`, title: this.t("cell", { i: i - 1, j: j - 1, v }) } : { class: "head", role: i ? "rowheader" : j ? "columnheader" : "cell" }),
          })))), this.curve(result));
      [this.plus, this.minus] = ["plus", "minus"].map((name) => getComputedStyle(this.board.querySelector(`.${name}`)).color.match(/[\d.]+/g));
      // before the worker's first news: the numbers with which it will begin (core.training.js), but for their scale
      const all = kernels || Array.from({ length: 150 }, normal((this.state.seed + 1) * 0x9e3779b9 | 0)), most = Math.max(...all.map(Math.abs));
      this.box.replaceChildren(...Array.from({ length: 6 }, (_, at) => this.kernel(all.slice(25 * at, 25 * at + 25), most, at)));
      if (correct === undefined) return this.t(busy ? "loading" : "before", this.state);
      const worst = table.flatMap((line, i) => line.map((v, j) => [i === j ? 0 : v, i, j])).sort((a, b) => b[0] - a[0])[0];
      return this.sentences(this.t("says", { epoch: number(epoch, 1), correct, loss: Number.isFinite(loss) ? number(loss) : "?" }), worst[0] && this.t("worst", { count: worst[0], is: worst[1], read: worst[2] }),
        Number.isNaN(loss) && this.t("burst"));
    }
  });
})();
