// A shift before and after four ways of halving a map: the two orders agree at even shifts, and what is lost at odd ones.
(() => {
  "use strict";
  const { Moving, define, h, number } = CourseFigures;
  const { distance, halve, halvings, moved, paint, tensor } = CourseMath;

  const SIZE = 28, FAR = 6, HIGH = 1.1;
  const seven = (width) => paint([[[230, 190], [640, 190], [360, 830]]], width, SIZE);
  const IMAGES = {
    line: () => seven(45),
    ink: () => seven(120),
    stripes: () => tensor([1, SIZE, SIZE], Array.from({ length: SIZE * SIZE }, (_, i) => {
      const [y, x] = [Math.floor(i / SIZE), i % SIZE];
      return Number(y > 5 && y < 22 && x > 3 && x < 20 && x % 2);
    })),
  };

  define("shift-lab", class extends Moving {
    static moves = ["shift"];
    static settings = [
      { name: "shift", kind: "range", value: 1, min: 0, max: FAR },
      { name: "image", kind: "choice", value: "line", options: Object.keys(IMAGES) },
    ];
    static predicts = true;
    static wide = false;
    static style = `
      .lab { display: grid; grid-template-columns: minmax(8rem, 1fr) minmax(0, 1.35fr); gap: 1rem; align-items: start; }
      @container board (max-width: 31rem) { .lab { grid-template-columns: minmax(0, 1fr); } .lab > :first-child { display: grid; grid-template-columns: 2fr 3fr; gap: .8rem; } }
      canvas { display: block; width: 100%; image-rendering: pixelated; background: #121212; }
      .input { cursor: ew-resize; touch-action: pan-y; }
      .lab p { margin: 0 0 .2rem; font-size: .85rem; color: var(--soft); }
      .ways { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: .85rem; }
      .ways th { font-weight: 400; color: var(--soft); text-align: start; line-height: 1.25; padding: 0 .3rem .3rem 0; vertical-align: bottom; } .ways tbody th { color: var(--ink); vertical-align: middle; }
      .ways td { padding: 0 .4rem .4rem 0; } .ways td:last-child { font-size: 1.05rem; font-weight: 600; text-align: end; padding-inline-end: 0; } .ways th:last-child { text-align: end; width: 22%; padding: 0 0 .3rem; } .ways th:first-child { width: 32%; }
      .ways i { display: block; width: 1.4rem; height: 4px; margin-top: .2rem; }
      svg { display: block; width: 100%; margin-top: .5rem; overflow: visible; } svg text { font-size: 12px; fill: var(--soft); }
      polyline { fill: none; stroke-width: 2; } .axis { stroke: var(--edge); stroke-width: 1; }
      .ways i { background: var(--w); } .lab [class^=w] { stroke: var(--w); }
      .w0 { --w: var(--above); } .w1 { --w: var(--good); stroke-dasharray: 7 2 2 2; } .w2 { --w: var(--below); stroke-dasharray: 6 3; } .w3 { --w: light-dark(#a49, #e69ad8); stroke-dasharray: 2 2; }
      @media (forced-colors: active) { polyline { stroke: CanvasText; } .ways i { forced-color-adjust: none; } }
    `;

    /** For each shift and way: the map that is shifted first, the one that is halved first, and how far apart they are. */
    results(image) {
      if (this.made !== image) {
        const X = IMAGES[image]();
        this.all = Array.from({ length: FAR + 1 }, (_, s) => {
          const input = moved(X, s);
          return { input, ways: halvings.map((way) => {
            const [a, b] = [halve(input, way), moved(halve(X, way), s / 2)];
            return { a, b, far: distance(a, b) };
          }) };
        });
      }
      this.made = image;
      return this.all;
    }

    draw({ shift, image }) {
      const all = this.results(image), { input, ways } = all[shift], percent = (far) => this.t("share", { n: number(100 * far, 0) });
      const canvas = (name, side, more) => h("canvas", { role: "img", "aria-label": name, width: side, height: side, ...more });
      const x = (s) => 22 + (s * 170) / FAR, y = (far) => 84 - (74 * Math.min(far, HIGH)) / HIGH;
      const text = (label, at, up, anchor) => h("text", { x: at, y: up, "text-anchor": anchor }, label);
      const axis = (x1, y1, x2, y2) => h("line", { class: "axis", x1, y1, x2, y2 });
      const curves = this.guessing ? [] : halvings.map((_, w) => h("polyline", { class: `w${w}`, points: all.map((one, s) => `${x(s)},${y(one.ways[w].far)}`).join(" ") }));
      this.paint(h("div", { class: "lab" },
        h("div", {},
          h("div", {}, h("p", {}, this.t("input", { shift })), canvas(this.t("input", { shift }), SIZE, { class: "input", onpointerdown: (event) => this.pull(event, SIZE) })),
          h("svg", { viewBox: "0 0 200 112", role: "img", "aria-label": this.t("chart") }, axis(x(0), y(0), x(FAR), y(0)), axis(x(shift), y(0), x(shift), y(HIGH)),
            text("0", 18, y(0) + 3, "end"), text("1", 18, y(1) + 3, "end"), all.map((_, s) => text(s, x(s), 97, "middle")), text(this.t("axes"), 107, 110, "middle"), curves)),
        h("table", { class: "ways" },
          h("thead", {}, h("tr", {}, ["way", "first", "later", "far"].map((key) => h("th", { scope: "col" }, this.t(key))))),
          h("tbody", {}, halvings.map((way, w) => h("tr", {}, h("th", { scope: "row" }, this.t(`way_${way}`), h("i", { class: `w${w}` })),
            ["first", "later"].map((key) => h("td", {}, canvas(`${this.t(`way_${way}`)}: ${this.t(key)}`, SIZE / 2))), h("td", {}, this.answer(percent(ways[w].far)))))))));
      const maps = [input, ...ways.flatMap(({ a, b }) => [a, b])];
      this.board.querySelectorAll("canvas").forEach((target, c) => this.picture(target, maps[c]));
      const told = halvings.map((way, w) => `${this.t(`way_${way}`)} ${percent(ways[w].far)}`).join(this.words.comma);
      return this.sentences(this.t(shift % 2 ? "half" : "places", { shift, by: number(shift / 2) }), this.t("says", { told }));
    }
    /** Light on dark, 0 to 1. */
    picture(canvas, { shape: [, n], data }) {
      const context = canvas.getContext("2d", { willReadFrequently: true }), pixels = context.createImageData(n, n), colours = new Uint32Array(pixels.data.buffer);
      data.forEach((v, i) => { colours[i] = 0xff000000 | (0x010101 * Math.round(18 + 237 * v)); });
      context.putImageData(pixels, 0, 0);
    }
  });
})();
