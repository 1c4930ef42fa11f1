// What a dense layer and a convolution cost on an image: weights, memory, multiplications.
(() => {
  "use strict";
  const { Base, define, h, number } = CourseFigures;
  const { convMacs, convParameters, denseMacs, denseParameters, outputSize } = CourseMath;

  const IMAGES = [[28, 28, 1], [224, 224, 3], [640, 480, 3], [1920, 1080, 3], [4000, 3000, 3], [8000, 6000, 3]];
  const ANIMALS = 1_600_000_000; // cats and dogs, as the chapter estimates them

  define("param-calc", class extends Base {
    static settings = [
      { name: "image", kind: "range", value: 4, min: 0, max: IMAGES.length - 1, show: (i) => IMAGES[i].map((v) => number(v)).join(" × ") },
      { name: "units", kind: "range", value: 100, min: 1, max: 200 },
      { name: "kernel", kind: "range", value: 5, min: 1, max: 11, show: (k) => `${k} × ${k}` },
      { name: "bytes", kind: "choice", value: "4", options: ["4", "2", "1"] },
    ];
    static predicts = true;
    static style = `
      table.costs { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
      .costs caption { text-align: start; color: var(--soft); font-size: .85rem; padding-bottom: .3rem; }
      .costs th, .costs td { padding: .45rem .6rem; border-bottom: 1px solid var(--rule); text-align: end; vertical-align: top; overflow-wrap: anywhere; }
      .costs th[scope=row] { text-align: start; font-weight: 400; color: var(--soft); }
      .costs thead th { border-bottom-color: var(--edge); }
      .costs small { display: block; color: var(--soft); font-size: .8rem; }
      .costs b { font-size: 1.1rem; }
      .dense { color: var(--below); } .conv { color: var(--above); }
      .bars { position: relative; margin-top: .9rem; padding: 1.6rem 0; font-size: .8rem; line-height: 1; }
      .lane { position: relative; height: 1.6rem; margin: .35rem 0; display: flex; align-items: center; gap: .5rem; }
      .bar { height: 100%; border-radius: 2px; flex: none; }
      .bar.dense { background: var(--below); } .bar.conv { background: var(--above); }
      .lane span { white-space: nowrap; }
      .tick { position: absolute; bottom: 0; top: 1.4rem; width: 0; border-left: 1px solid var(--rule); color: var(--soft); display: flex; justify-content: center; align-items: end; white-space: nowrap; padding-top: 5.5rem; }
      .tick.animals { border-left: 2px dashed var(--mark); top: 0; bottom: 1.6rem; align-items: start; color: var(--ink); padding: 0; }
      @media (max-width: 30rem) { .costs th, .costs td { padding: .4rem .2rem; font-size: .8rem; } .costs b { font-size: .88rem; } .costs small { font-size: .72rem; } }
    `;

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
          row("answers", number(units), `${number(units)} × ${number(outputSize(c.height, kernel))} × ${number(outputSize(c.width, kernel))}`)));
      this.paint(table, this.bars(c));
      return this.t("sentence", {
        width: number(c.width), height: number(c.height), inputs: number(c.inputs), units, denseSum, convSum,
        dense: number(c.dense), conv: number(c.conv), memory: this.memory(c.denseBytes), convMemory: this.memory(c.convBytes),
        times: number(c.dense / c.conv), animals: number(Number(c.dense) / ANIMALS),
      });
    }

    /** Two bars on a logarithmic scale; every thousandfold step has a line. */
    bars(c) {
      const place = (value) => `${((100 * Math.log10(Math.max(1, Number(value)))) / 13).toFixed(2)}%`;
      const bar = (value, name) => h("div", { class: "lane" },
        h("div", { class: `bar ${name}`, style: `width:${this.guessing ? 0 : place(value)}` }), h("span", {}, this.t(name)));
      const ticks = [3, 6, 9].map((power) => h("span", { class: "tick", style: `left:${place(10 ** power)}` }, this.t(`e${power}`)));
      const animals = h("span", { class: "tick animals", style: `left:${place(ANIMALS)}` }, this.t("animals"));
      return h("div", { class: "bars", "aria-hidden": "true" }, animals, ticks, bar(c.dense, "dense"), bar(c.conv, "conv"));
    }
  });
})();
