// Where kernel-lab's images come from, and how they are shown. Methods of the figure; they travel with its photo
// (kernel-lab.data.js). Nothing of an image leaves the page.
globalThis.KERNEL_CAMERA = (() => {
  "use strict";
  const { node } = CourseFigures;
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
    /** Shrink a picture, and make it grey: the mean of red, green and blue. */
    take(picture, width, height) {
      const part = Math.min(1, MOST / Math.max(width, height)), [n, m] = [height, width].map((side) => Math.max(8, Math.round(side * part)));
      const canvas = node("canvas", { width: m, height: n }), context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(picture, 0, 0, m, n);
      const { data } = context.getImageData(0, 0, m, n);
      this.image = tensor([1, n, m], Float64Array.from({ length: n * m }, (_, i) => Math.round((data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3)));
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
  };
})();
