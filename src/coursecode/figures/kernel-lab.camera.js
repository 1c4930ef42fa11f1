// Where kernel-lab's images come from, how they are shown, and a window's sum. Methods of the figure; they travel with its photo
// (photo.data.js). Nothing of an image leaves the page.
globalThis.KERNEL_CAMERA = (() => {
  "use strict";
  const { grey, h, matrix, node, number, patch, tint } = CourseFigures;
  const MOST = 160; // pixels along the longer side of an image
  const { correlate, tensor } = CourseMath;
  return {
    filtered: correlate,
    /** Take an image's address, its file or what a camera sees; nothing of it leaves the page. */
    async load(source) {
      const picture = new Image();
      picture.src = typeof source === "string" ? source : URL.createObjectURL(source);
      try {
        await picture.decode();
        this.take(picture, picture.naturalWidth, picture.naturalHeight);
        if (typeof source !== "string") this.note("");
      } catch { this.note(this.t("no_image")); }
      if (typeof source !== "string") URL.revokeObjectURL(picture.src);
    },
    /** Shrink a picture, and make it grey. */
    take(picture, width, height) {
      this.image = grey(picture, width, height, MOST);
      this.made = this.fault = "";
      this.update();
    },
    async watch() {
      try {
        this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
      } catch { this.note(this.t("no_camera")); return; }
      const video = node("video", { muted: true, playsinline: true });
      video.srcObject = this.stream;
      await video.play();
      this.sayLine.setAttribute("aria-live", "off");
      const frame = () => {
        if (!this.stream) return;
        if (video.videoWidth) this.take(video, video.videoWidth, video.videoHeight);
        this.frames = requestAnimationFrame(frame);
      };
      frame();
    },
    stop() {
      if (!this.stream) return;
      for (const track of this.stream.getTracks()) track.stop();
      this.stream = null;
      this.sayLine.setAttribute("aria-live", "polite");
    },
    /** An image's pixels, black to white, or with the colours of the signs. */
    colour(view, { shape: [, n, m], data }, most, signed) {
      const canvas = view.firstChild;
      if (canvas.width !== m || canvas.height !== n) Object.assign(canvas, { width: m, height: n });
      const context = canvas.getContext("2d"), pixels = context.createImageData(m, n), out = pixels.data;
      const [plus, minus] = ["above", "below"].map((name) => getComputedStyle(this.legend.querySelector(`.${name}`)).color.match(/[\d.]+/g).map(Number));
      for (let i = 0, to = 0; i < data.length; i++, to += 4) {
        const v = data[i];
        if (signed) {
          const rgb = v < 0 ? minus : plus;
          out[to] = rgb[0]; out[to + 1] = rgb[1]; out[to + 2] = rgb[2];
          out[to + 3] = Math.min(255, (255 * Math.abs(v)) / most);
        } else {
          out[to] = out[to + 1] = out[to + 2] = v;
          out[to + 3] = 255;
        }
      }
      context.putImageData(pixels, 0, 0);
    },
    /** The photo, what the kernel makes of it, and the sum of one window; returns the sentence. */
    drawn(state) {
      const K = this.weights(state), k = Number(state.size), by = this.divisor(state, K), { image } = this, [, n, m] = image.shape;
      const pad = state.border === "zero" ? k - 1 : 0, signed = state.show === "signed", { row: i, column: j } = state;
      const made = [K.data, by, pad, signed, getComputedStyle(this.legend).color, this.narrow].join();
      if (this.made !== made) {
        const scaled = tensor(K.shape, K.data.map((v) => v / by));
        this.output = this.filtered(image, scaled, { padding: pad });
        const sizes = Float64Array.from(this.output.data, Math.abs).sort();
        this.most = Math.max(1, Math.round(sizes[Math.floor(0.99 * sizes.length)])); // the one value in a hundred beyond it has its colour
        const ends = signed ? [`≤ ${number(-this.most)}`, `≥ ${number(this.most)}`] : ["≤ 0", "≥ 255"];
        this.legend.className = `legend ${state.show}`;
        this.legend.replaceChildren(node("span", { class: "below", style: signed && "color:var(--below)" }, ends[0]), node("i"), node("span", { class: "above", style: signed && "color:var(--above)" }, ends[1]));
        this.colour(this.views[0], image, 255, false);
        this.colour(this.views[1], this.output, this.most, signed);
      }
      this.made = made;
      const [, , width] = this.output.shape, top = i - pad / 2, left = j - pad / 2;
      const at = (a, b) => (a < 0 || b < 0 || a >= n || b >= m ? 0 : image.data[a * m + b]);
      const seen = Array.from({ length: k * k }, (_, t) => at(top + Math.floor(t / k), left + (t % k)));
      const spot = (view, y, x, size, [, rows, columns], name) => {
        const mark = view.children[1] || view.appendChild(node("span"));
        mark.className = `spot ${name}`;
        mark.style.cssText = `top:${(100 * y) / rows}%;left:${(100 * x) / columns}%;height:${(100 * size) / rows}%;width:${(100 * size) / columns}%`;
      };
      spot(this.views[0], top, left, k, image.shape, "");
      spot(this.views[1], i, j, 1, this.output.shape, "one");
      this.draw_sum(state, K, seen, by, this.output.data[i * width + j]);
      const terms = seen.map((v, t) => [v, K.data[t], t]).filter(([, w]) => w).map(([v, w, t]) => this.term(`${number(v)}×${w < 0 ? `(${number(w)})` : number(w)}`, `t${t}`));
      const value = number(this.output.data[i * width + j]);
      return this.told("says", { i, j, sum: terms.length ? this.added(terms) : "0", value: by === 1 ? value : `${number(by * this.output.data[i * width + j])}, ${this.t("divided", { by: number(by), value })}` });
    },
    /** Pixels, weights, products, and what they come to. */
    draw_sum(state, K, seen, by, value) {
      const k = Number(state.size), link = (a, b) => `t${a * k + b}`, square = (list) => Array.from({ length: k }, (_, a) => list.slice(a * k, a * k + k));
      const sign = (text) => h("span", { class: "sign", "aria-hidden": "true" }, text);
      const products = seen.map((v, t) => v * K.data[t]), heavy = Math.max(...Array.from(K.data, Math.abs));
      const inputs = square(Array.from(K.data)).map((list, a) => list.map((w, b) => h("input", { inputmode: "numeric", value: number(w), "aria-label": this.t("weight", { a, b }), oninput: ({ target }) => this.edit(target, K, a * k + b) })));
      const pieces = [
        matrix(this.t("pixels"), square(seen), { tinted: false, name: "pixels", cell: (a, b, v) => ({ "data-link": link(a, b), style: `background:rgb(${v},${v},${v});color:${v > 115 ? "#000" : "#fff"}` }) }), sign("·"),
        matrix(this.t("weights"), inputs, { name: "kernel", cell: (a, b) => ({ "data-link": link(a, b), class: tint(K.data[a * k + b], heavy) }) }),
        h("div", { class: "row" }, sign("="), matrix(this.t("products"), square(products), { cell: (a, b) => ({ "data-link": link(a, b) }) })),
        h("div", { class: "row" }, sign(by === 1 ? "Σ =" : `Σ ÷ ${number(by)} =`), h("output", { class: "total" }, number(value, 1))),
      ];
      const box = h("div", { class: "sum", style: `--all:${k === 3 ? 9 : 10}` }, pieces);
      patch(this.lower, [box]);
    },
    edit(input, K, at) {
      const text = input.value.replace("−", "-").trim(), value = Number(text);
      if (text === "" || text === "-") return;
      if (!(Math.abs(value) <= 99)) {
        this.note(this.t("refused", { name: this.t("weights"), value: text, allowed: "−99 … 99", used: number(K.data[at]) }));
        return;
      }
      this.set({ kernel: "own", own: Array.from(K.data, (w, i) => (i === at ? value : w)).join(",") });
    },
  };
})();
