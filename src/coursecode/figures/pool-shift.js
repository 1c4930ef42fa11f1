// A map is shifted under a pooling layer: which of its answers stay, and which do not.
(() => {
  "use strict";
  const { Base, define, h, matrix, number } = CourseFigures;
  const { outputSize, pool, tensor } = CourseMath;

  const SIZE = 8;
  const MAP = ["00000000", "09100000", "01800000", "00270000", "00036000", "00005400", "00000000", "02222000"];

  define("pool-shift", class extends Base {
    static settings = [
      { name: "shift", kind: "range", value: 1, min: 0, max: 3 },
      { name: "window", kind: "range", value: 2, min: 1, max: 4 },
      { name: "stride", kind: "range", value: 2, min: 1, max: 4 },
      { name: "mode", kind: "choice", value: "max", options: ["max", "avg"] },
    ];
    static predicts = true;
    static style = `.stage { --cell: 2.1rem; } .share { text-align: center; margin: .8rem 0 0; font-size: 1.05rem; }`;

    /** The arrow keys move the map. */
    key(name) {
      const by = { ArrowRight: 1, ArrowLeft: -1, Home: -3, End: 3 }[name];
      if (by) this.set({ shift: Math.max(0, Math.min(3, this.state.shift + by)) });
      return Boolean(by);
    }
    code({ window, stride, mode }) { return `F.${mode}_pool2d(X, ${window}, stride=${stride})`; }
    input(shift) {
      return tensor([1, SIZE, SIZE], Array.from({ length: SIZE * SIZE }, (_, i) => Number(MAP[Math.floor(i / SIZE)][(i % SIZE) - shift] || 0)));
    }

    draw({ shift, window, stride, mode }) {
      const options = { kernel: window, stride, mode };
      const rows = (x) => Array.from({ length: x.shape[1] }, (_, i) => Array.from(x.data).slice(i * x.shape[2], (i + 1) * x.shape[2]));
      const still = this.input(0), moved = this.input(shift);
      const before = pool(still, options), now = pool(moved, options);
      const m = outputSize(SIZE, window, 0, stride);
      const winners = mode === "max" ? new Set(now.argmax.filter((_, i) => now.data[i] > 0)) : new Set();
      const kept = Array.from(now.data, (v, i) => v === before.data[i]);
      const same = kept.filter(Boolean).length;
      const raw = Array.from(moved.data).filter((v, i) => v === still.data[i]).length;
      const X = matrix(this.t("moved", { shift }), rows(moved), { cell: (i, j) => ({ class: winners.has(i * SIZE + j) && !this.guessing ? "window" : "" }) });
      const Y = matrix(this.t("before"), rows(before));
      const Z = matrix(this.t("now"), rows(now), {
        tinted: !this.guessing, show: (v) => this.answer(number(v)),
        cell: (i, j) => ({ class: kept[i * m + j] || this.guessing ? "" : "hot" }),
      });
      const sign = (text) => h("span", { class: "sign", "aria-hidden": "true" }, text);
      this.paint(h("div", { class: "row stage" }, X, sign("→"), Z, Y),
        h("p", { class: "share" }, this.t("share", { same: this.answer(same), all: m * m })));
      return this.t("says", { shift, same, all: m * m, raw, total: SIZE * SIZE, changed: m * m - same });
    }
  });
})();
