// What a dense layer and a convolution cost on an image: weights, memory, multiplications.
(() => {
  "use strict";
  const { Base, define, h, number, tween } = CourseFigures;
  const { convMacs, convParameters, denseMacs, denseParameters, outputSize } = CourseMath;

  const IMAGES = [[28, 28, 1], [224, 224, 3], [640, 480, 3], [1920, 1080, 3], [4000, 3000, 3], [8000, 6000, 3]];
  const ANIMALS = 1_600_000_000; // cats and dogs, as the chapter estimates them

  define("param-calc", class extends Base {
    static settings = [
      { name: "image", kind: "range", value: 4, min: 0, max: IMAGES.length - 1, show: (i) => IMAGES[i].slice(0, 2).map((v) => number(v)).join("×") },
      { name: "units", kind: "range", value: 100, min: 1, max: 200 },
      { name: "kernel", kind: "range", value: 5, min: 1, max: 11, show: (k) => `${k} × ${k}` },
      { name: "zoom", kind: "range", value: 100, min: 0, max: 100, show: () => "" },
      { name: "bytes", kind: "choice", value: "4", options: ["4", "2", "1"] },
    ];
    static predicts = true;
    static style = `
      .scale { display: block; width: 100%; height: auto; }
      .scale text { font-size: 13px; fill: var(--ink); } .scale .small { fill: var(--soft); font-size: 12px; } .scale b, .scale .big { font-weight: 700; font-size: 15px; }
      .scale .dense { fill: color-mix(in srgb, var(--ui) 42%, var(--paper)); } .scale .conv { fill: var(--mark); }
      .scale .animals { fill: none; stroke: var(--ink); stroke-dasharray: 4 3; } .scale .edge { fill: none; stroke: var(--rule); } .scale .point { fill: none; stroke: var(--mark); stroke-width: 1.5; }
      table.costs { border-collapse: collapse; width: 100%; margin-top: .6rem; }
      .costs caption { text-align: start; color: var(--soft); font-size: .85rem; padding-bottom: .3rem; }
      .costs th, .costs td { padding: .35rem .3rem; border-bottom: 1px solid var(--rule); text-align: end; vertical-align: top; }
      .costs th[scope=row] { text-align: start; font-weight: 400; color: var(--soft); font-size: .85rem; hyphens: manual; }
      .costs thead th { border-bottom-color: var(--edge); } .costs thead .conv { color: var(--mark); }
      .costs small { display: block; color: var(--soft); font-size: .8rem; }
      .costs td { white-space: nowrap; }
      @container board (max-width: 26rem) { .costs th, .costs td { padding: .3rem .15rem; font-size: .8rem; } .costs small { font-size: .7rem; } .costs th[scope=row] { font-size: .75rem; } }
      @media (forced-colors: active) { .scale { forced-color-adjust: none; } }
    `;
    actions() { return [["zoom_out", () => { this.set({ zoom: 0 }); tween(this, "zoom", 100, 6); }]]; }

    costs({ image, units, kernel, bytes }) {
      const [width, height, channels] = IMAGES[image];
      const inputs = width * height * channels;
      const dense = denseParameters(inputs, units);
      const conv = convParameters(channels, units, kernel, false);
      const out = [outputSize(height, kernel), outputSize(width, kernel)];
      return {
        width, height, channels, inputs, dense, conv,
        denseBytes: dense * BigInt(bytes), convBytes: conv * BigInt(bytes),
        denseMacs: denseMacs(inputs, units), convMacs: convMacs(channels, units, kernel, out),
      };
    }
    memory(bytes) {
      const value = Number(bytes);
      const power = Math.max(0, Math.min(4, Math.floor(Math.log10(value) / 3)));
      return `${number(value / 1000 ** power, value < 1000 ? 0 : 1)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
    }

    draw(state) {
      const c = this.costs(state);
      const { units, kernel } = state;
      const hide = (value) => this.answer(value);
      const row = (key, ...cells) => h("tr", {}, h("th", { scope: "row" }, this.t(key)), cells.map((cell) => h("td", {}, cell)));
      const product = (...factors) => factors.map((v) => number(v)).join("\u00a0×\u00a0");
      const denseSum = product(c.inputs, units);
      const convSum = product(kernel, kernel, c.channels, units);
      const table = h("table", { class: "costs" },
        h("caption", {}, this.t("caption", { units })),
        h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col", class: "dense" }, this.t("dense")), h("th", { scope: "col", class: "conv" }, this.t("conv")))),
        h("tbody", {},
          row("weights", [h("b", {}, hide(number(c.dense))), h("small", {}, denseSum)], [h("b", {}, hide(number(c.conv))), h("small", {}, convSum)]),
          row("memory", hide(this.memory(c.denseBytes)), hide(this.memory(c.convBytes))),
          row("macs", hide(number(c.denseMacs)), hide(number(c.convMacs))),
          row("answers", h("b", {}, number(units)), [h("b", {}, number(BigInt(units) * BigInt(outputSize(c.height, kernel) * outputSize(c.width, kernel)))), h("small", {}, product(units, outputSize(c.height, kernel), outputSize(c.width, kernel)))])));
      this.paint(this.scale(c, state.zoom / 100), table);
      return this.t("sentence", {
        width: number(c.width), height: number(c.height), inputs: number(c.inputs), units, denseSum, convSum,
        dense: number(c.dense), conv: number(c.conv), memory: this.memory(c.denseBytes), convMemory: this.memory(c.convBytes),
        times: number(c.dense / c.conv), animals: number(Number(c.dense) / ANIMALS),
      });
    }

    /** Squares whose areas are the weights, to scale, seen from near (0) to far (1). */
    scale(c, zoom) {
      const [dense, conv, animals] = [c.dense, c.conv, ANIMALS].map((v) => Math.sqrt(Number(v)));
      const far = 1.08 * Math.max(dense, conv), near = Math.min(far, 1.6 * conv), seen = near * (far / near) ** zoom;
      const side = 200, all = this.narrow ? 330 : 440, to = (v) => (v * side) / seen, shown = (v) => Math.min(side + 2, to(v));
      const square = (v, name) => h("rect", { class: name, x: 4, y: (4 + side - shown(v)).toFixed(2), width: shown(v).toFixed(3), height: shown(v).toFixed(3) });
      const line = (y, name, text) => h("text", { x: side + 22, y, class: name }, text);
      const tiny = to(conv) < 14, hidden = this.guessing;
      return h("svg", { class: "scale", viewBox: `0 0 ${all} ${side + 8}`, "aria-hidden": "true" },
        h("rect", { class: "edge", x: 4, y: 4, width: side, height: side }),
        hidden ? "" : [square(dense, "dense"), animals < seen ? square(animals, "animals") : "", square(conv, "conv"),
          tiny ? h("path", { class: "point", d: `M${side + 18} ${side - 20} L${16} ${side - 4} m7 -6 l-7 6 l9 2` }) : ""],
        line(24, "big", this.t("dense")), line(42, "", hidden ? "?" : number(c.dense)),
        line(78, "small", this.t("animals")), line(94, "small", number(ANIMALS)),
        line(side - 46, "big", this.t("conv")), line(side - 28, "", hidden ? "?" : number(c.conv)),
        line(side - 4, "small", hidden ? "" : this.t("side", { side: number(Math.min(1, conv / seen) * 100, 2) })));
    }
  });
})();
