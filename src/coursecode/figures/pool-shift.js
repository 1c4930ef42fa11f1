// A digit is shifted under a pooling layer: what its answers do in their place, and what they do when they may move along.
(() => {
  "use strict";
  const { Moving, define, h, matrix, number, rowsOf } = CourseFigures;
  const { moved, outputSize, pool, tensor } = CourseMath;

  const SIZE = 10, FAR = 4;
  const MAP = ["0000000000", "0489950000", "0244780000", "0000840000", "0003910000", "0007600000", "0029200000", "0057000000", "0083000000", "0000000000"];

  define("pool-shift", class extends Moving {
    static moves = ["shift"];
    static settings = [
      { name: "shift", kind: "range", value: 1, min: 0, max: FAR },
      { name: "compare", kind: "choice", value: "along", options: ["along", "place"] },
      { name: "window", kind: "range", value: 2, min: 1, max: 4 },
      { name: "stride", kind: "range", value: 2, min: 1, max: 4 },
      { name: "mode", kind: "choice", value: "max", options: ["max", "avg"] },
    ];
    static predicts = true;
    static style = `
      .stage { display: grid; grid-template-columns: auto auto; gap: .5rem 1.4rem; justify-content: center; align-items: center; --cell: clamp(1rem, calc((100cqw - 2.2rem) / var(--all)), 2rem); }
      .stage > .matrix:first-child { grid-row: 1 / 3; touch-action: pan-y; }
      .stage.tall { display: flex; flex-wrap: wrap; gap: .5rem; --cell: min(2rem, calc((100cqw - .5rem) / 10)); }
      .grab td { cursor: ew-resize; }
      td.gl { border-left: 2px solid var(--ink); } td.gt { border-top: 2px solid var(--ink); }
      .stage .matrix caption { white-space: normal; }
      .verdict { display: flex; align-items: baseline; justify-content: center; gap: .5rem; margin: .6rem 0 .2rem; }
      .verdict b { font-size: 1.9rem; line-height: 1.1; }
      .shares { display: grid; grid-template-columns: auto 1fr auto; gap: .15rem .6rem; align-items: center; font-size: .85rem; color: var(--soft); }
      .shares i { height: .7rem; background: color-mix(in srgb, var(--ink) 10%, transparent); } .shares .bar { display: block; height: 100%; background: var(--ui); }
    `;

    code({ window, stride, mode }) { return `F.${mode}_pool2d(X, ${window}, stride=${stride})`; }
    input() { return tensor([1, SIZE, SIZE], MAP.flatMap((row) => [...row].map(Number))); }
    /** How many values are equal among those that hold something in one of the two maps: [equal, of]. */
    kept(a, b) {
      const holds = Array.from(a.data, (v, i) => v !== 0 || b.data[i] !== 0);
      return [holds.filter((held, i) => held && a.data[i] === b.data[i]).length, holds.filter(Boolean).length];
    }

    draw({ shift, compare, window, stride, mode }) {
      const options = { kernel: window, stride, mode }, m = outputSize(SIZE, window, 0, stride);
      const still = this.input(), X = moved(still, shift);
      const before = pool(still, options), now = pool(X, options), by = Math.floor(shift / stride);
      const along = compare === "along", beside = along ? moved(before, by) : before;
      const equal = Array.from(now.data, (v, i) => v === beside.data[i]);
      const winners = mode === "max" ? new Set(now.argmax.filter((_, i) => now.data[i] > 0)) : new Set();
      const windowsOf = (i, j) => {
        const found = [];
        for (let y = 0; y < m; y++) for (let x = 0; x < m; x++) if (i >= y * stride && i < y * stride + window && j >= x * stride && j < x * stride + window) found.push(`w${y * m + x}`);
        return found.join(" ");
      };
      const tiled = (at) => stride >= window && at % stride === 0 && at / stride < m;
      const names = (...all) => all.filter(Boolean).join(" ");
      const input = matrix(this.t("moved", { shift }), rowsOf(X), { name: "grab", onpointerdown: (event) => this.pull(event, SIZE), cell: (i, j) => ({
        "data-link": windowsOf(i, j), class: names(tiled(i) && "gt", tiled(j) && "gl", winners.has(i * SIZE + j) && !this.guessing && "hot"),
      }) });
      const most = Math.max(...now.data, ...before.data);
      const cell = (i, j) => ({ "data-link": `w${i * m + j}`, class: equal[i * m + j] || this.guessing ? "" : "hot" });
      const Z = matrix(this.t("now"), rowsOf(now), { most, tinted: !this.guessing, show: (v) => this.answer(number(v)), cell });
      const Y = matrix(this.t(along && by ? "before_moved" : "before", { by }), rowsOf(beside), { most, cell: (i, j) => ({ class: equal[i * m + j] || this.guessing ? "" : "hot" }) });
      const places = m * m, same = equal.filter(Boolean).length;
      const [raw, total] = this.kept(X, still), [pooled, all] = this.kept(now, before);
      const bar = (name, part, of) => [h("span", {}, this.t(name)), h("i", {}, h("span", { class: "bar", style: `width:${this.guessing || !of ? 0 : (100 * part) / of}%` })), h("span", {}, this.answer(`${part} / ${of}`))];
      const tall = this.across < (SIZE + Math.max(m, 4)) * (mode === "max" ? 16 : 22) + 35; // the maps below each other
      this.paint(h("div", { class: `stage ${tall ? "tall" : ""}`, style: `--all:${SIZE + Math.max(m, 4)}` }, input, Z, Y),
        h("p", { class: "verdict" }, h("b", {}, this.answer(places - same)), this.t(along ? "differ_along" : "differ_place", { all: places })),
        h("div", { class: "shares", role: "group", "aria-label": this.t("share") }, bar("share_map", raw, total), bar("share_pooled", pooled, all)));
      const differ = this.differ(now, moved(before, by)), moves = this.t(shift % stride ? "between" : differ ? "enters" : "moves", { shift, stride, by });
      return this.sentences(moves, this.t("says", { by, differ, all: places }), this.t("stays", { pooled, held: all, raw, total }));
    }
    differ(a, b) { return Array.from(a.data).filter((v, i) => v !== b.data[i]).length; }
  });
})();
