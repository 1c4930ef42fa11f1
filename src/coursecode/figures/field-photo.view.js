// What field-photo shows once its photo is there: the field on it, the patch as it is heard, and the share of each
// column. Methods of the figure; they travel with the photo (photo.data.js).
globalThis.FIELD_PHOTO = (() => {
  "use strict";
  const { Base, grey, h, node, number } = CourseFigures;
  const { heart, listens, mapSizes, receptiveField, stackWeights } = CourseMath;
  const SHARE = 0.9, SPAN = 300, TALL = 30, PALE = 0.14;
  const STYLE = `
    .two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: .4rem 1rem; align-items: start; }
    .pane p { margin: 0 0 .2rem; color: var(--soft); font-size: .85rem; }
    .view { position: relative; overflow: hidden; outline: 1px solid var(--rule); }
    .whole { cursor: crosshair; touch-action: none; }
    canvas { display: block; width: 100%; image-rendering: pixelated; }
    .patch { aspect-ratio: 1; background: repeating-linear-gradient(135deg, transparent 0 .3rem, var(--rule) .3rem .36rem); }
    .patch canvas { position: absolute; background: var(--paper); }
    .spot { position: absolute; outline: 2px solid var(--mark); box-shadow: 0 0 0 3px var(--paper); pointer-events: none; } .spot.heart { outline-style: dashed; box-shadow: none; }
    .profile { display: block; width: 100%; height: 2.6rem; margin-top: .3rem; } .profile path { fill: color-mix(in srgb, var(--mark) 30%, transparent); stroke: var(--mark); vector-effect: non-scaling-stroke; } .profile .even { fill: none; stroke: var(--ink); stroke-dasharray: 4 3; }
    .facts { display: grid; grid-template-columns: 1fr 1fr; gap: .2rem 1rem; margin: .6rem 0 0; color: var(--soft); font-size: .85rem; } .facts b { display: block; color: var(--ink); font-size: 1.5rem; line-height: 1.2; }
    @media (forced-colors: active) { .view, .profile { forced-color-adjust: none; } .spot { outline-color: Highlight; } }
  `;
  /** A share in percent, with places after the point only where it is nearly nothing or nearly all. */
  const share = (part) => number(100 * part, part > 0.01 && part < 0.99 ? 0 : 2);
  /** The output whose field has its middle nearest to a place on the photo. */
  const nearest = (field, at) => Math.round((at - field.start - field.size / 2) / field.jump);
  const percent = (value, all) => `${(100 * value) / all}%`;
  return {
    async open(address) {
      const picture = new Image();
      picture.src = address;
      await picture.decode();
      this.image = grey(picture, picture.naturalWidth, picture.naturalHeight, Infinity);
      this.shadowRoot.append(node("style", {}, STYLE));
      this.fault = "";
      this.update();
    },
    /** The last row and column of the outputs. */
    far(layers) { return mapSizes(this.image.shape.slice(1), layers).at(-1).map((n) => n - 1); },
    /** Another stack looks at the same place: at the output whose field has its middle nearest to that of before. */
    set(changes, options) {
      const { state } = this, [old, own] = [state, { ...state, ...changes }].map((one) => receptiveField(this.layers(one)).at(-1));
      const moved = old.jump !== own.jump || old.start + old.size / 2 !== own.start + own.size / 2;
      const place = ["row", "column"].map((name) => [name, Math.max(0, nearest(own, old.start + old.size / 2 + state[name] * old.jump))]);
      Base.prototype.set.call(this, { ...(moved && Object.fromEntries(place)), ...changes }, options);
    },
    /** The output whose field has its middle nearest to the pointer. */
    point({ clientX, clientY }) {
      const { left, top, width, height } = this.board.querySelector("canvas").getBoundingClientRect(), { field, image } = this, [, n, m] = image.shape;
      const [row, column] = [((clientY - top) / height) * n, ((clientX - left) / width) * m].map((at) => nearest(field, at));
      this.put({ row, column });
    },
    /** The colours of above, below and of the signs, read again when the theme is another. */
    colours() {
      const theme = document.documentElement.dataset.theme;
      if (this.theme !== theme || !this.rgb) this.rgb = ["above", "below"].map((name) => {
        const probe = this.board.appendChild(node("i", { style: `color:var(--${name})` })), { color } = getComputedStyle(probe);
        probe.remove();
        return color.match(/[\d.]+/g).map(Number);
      });
      this.theme = theme;
      return this.rgb;
    },

    drawn(state) {
      const { image, guessing } = this, [, n, m] = image.shape, layers = this.layers(state), { row: i, column: j } = state;
      const fields = receptiveField(layers), field = (this.field = fields.at(-1)), { size } = field;
      const [top, left] = [i, j].map((at) => field.start + at * field.jump);
      const made = JSON.stringify([layers, state.weights, state.seed]);
      if (this.made !== made) Object.assign(this, { made, known: new Map(), stack: stackWeights(layers, state.weights === "random", state.seed) });
      const box = listens([n, m], layers, this.stack, [i, j], this.known), [tall, wide] = box.shape;
      const [side, held] = heart(box, { top, left, size }, SHARE), most = box.data.reduce((a, g) => Math.max(a, Math.abs(g)), 0) || 1;

      // pieces: the photo with its two squares; the patch in a square as large as the field
      const spot = (name, y, x, length, rows, columns) => h("span", { class: `spot ${name}`, style: `top:${percent(y, rows)};left:${percent(x, columns)};height:${percent(length, rows)};width:${percent(length, columns)}` });
      const inner = (size - side) / 2, span = Math.min(size, SPAN), [y, x] = [top, left].map((from) => from + (size - span) / 2);
      const canvas = (name, height, width, more) => h("canvas", { role: "img", "aria-label": this.t(name), height, width, ...more });
      const place = `top:${percent(box.top - y, span)};left:${percent(box.left - x, span)};height:${percent(tall, span)};width:${percent(wide, span)}`;
      const pane = (name, ...inside) => h("div", { class: "pane" }, h("p", {}, this.t(name)), inside);
      const fact = (value, name) => h("span", {}, h("b", {}, value), this.t(name));
      const square = (length) => `${number(length)} × ${number(length)}`;
      this.paint(h("div", { class: "two" },
        pane("photo", h("div", { class: "view whole", ...this.follows((event) => this.point(event)) }, canvas("photo", n, m), spot("", top, left, size, n, m), guessing ? "" : spot("heart", top + inner, left + inner, side, n, m))),
        pane("patch", h("div", { class: "view patch" }, canvas("patch", tall, wide, { style: place }), guessing ? "" : spot("heart", top + inner - y, left + inner - x, side, span, span)), this.profile(box, x, span, size))),
      h("p", { class: "facts" }, fact(square(size), "field"), fact(this.answer(square(side)), "heart")));
      const [photo, patch] = this.board.querySelectorAll("canvas");
      this.shade(photo, image.data, (at) => {
        const a = Math.floor(at / m) - box.top, b = (at % m) - box.left;
        return a < 0 || b < 0 || a >= tall || b >= wide || guessing ? 0 : box.data[a * wide + b] / most;
      });
      this.fade(patch, box, (at) => (guessing ? 1 : PALE + ((1 - PALE) * Math.abs(box.data[at])) / most));
      const seen = (tall * wide) / size ** 2;
      const read = box.data.reduce((count, g) => count + Number(g !== 0), 0);
      return this.sentences(this.t("says", { i, j, depth: layers.length, size: number(size) }),
        seen < 1 && this.t("outside", { rest: share(1 - seen) }), read < box.data.length && this.t("holes", { read: number(read), all: number(box.data.length) }),
        this.t(side < size ? "middle" : "all_over", { side: number(side), held: share(held), part: share((side / size) ** 2) }));
    },
    /** The share of every column of the patch; a dashed line where each would have the same. */
    profile({ left, shape: [tall, wide], data }, x, span, size) {
      const columns = Array.from({ length: wide }, (_, b) => { let sum = 0; for (let a = 0; a < tall; a++) sum += Math.abs(data[a * wide + b]); return sum; });
      const all = columns.reduce((a, b) => a + b), most = Math.max(...columns), high = (v) => (TALL * (1 - v / most)).toFixed(2);
      const even = high(all / size), path = columns.map((v, b) => `V${high(v)}H${left - x + b + 1}`).join("");
      return h("svg", { class: "profile", viewBox: `0 0 ${span} ${TALL}`, preserveAspectRatio: "none", "aria-hidden": "true" },
        this.guessing ? "" : h("path", { d: `M${left - x} ${TALL}${path}V${TALL}Z` }), h("path", { class: "even", d: `M0 ${even}H${span}` }));
    },
    /** The photo, and over it blue where the gradient is above zero and orange where it is below, the stronger the larger. */
    shade(canvas, grey, share) {
      const context = canvas.getContext("2d"), pixels = context.createImageData(canvas.width, canvas.height), [above, below] = this.colours();
      grey.forEach((v, at) => {
        const part = share(at), rgb = part < 0 ? below : above, alpha = Math.min(1, 1.1 * Math.abs(part));
        for (let c = 0; c < 3; c++) pixels.data[4 * at + c] = v + alpha * (rgb[c] - v);
        pixels.data[4 * at + 3] = 255;
      });
      context.putImageData(pixels, 0, 0);
    },
    /** The patch of the photo, each pixel as strong as it counts, and pale where it does not. */
    fade(canvas, { top, left, shape: [, wide] }, share) {
      const context = canvas.getContext("2d"), pixels = context.createImageData(canvas.width, canvas.height), { data, shape: [, , m] } = this.image;
      for (let at = 0; at < canvas.width * canvas.height; at++) {
        pixels.data.fill(data[(top + Math.floor(at / wide)) * m + left + (at % wide)], 4 * at, 4 * at + 3);
        pixels.data[4 * at + 3] = 255 * share(at);
      }
      context.putImageData(pixels, 0, 0);
    },
  };
})();
