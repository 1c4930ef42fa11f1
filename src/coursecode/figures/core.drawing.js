// A drawing as an image, and that image as MNIST's makers would have prepared it.
(() => {
  "use strict";
  const { tensor } = CourseMath;

  /** Strokes of a round pen `width` wide, lists of points (x, y) from 0 to 1000, as an image (1, size, size) from 0 to 1. */
  const paint = (strokes, width, size = 112) => {
    const y = tensor([1, size, size]);
    const unit = size / 1000, r = (width / 2) * unit;
    const span = (a, b) => [Math.max(0, Math.floor(Math.min(a, b) * unit - r - 1)), Math.min(size, Math.ceil(Math.max(a, b) * unit + r + 1))];
    for (const stroke of strokes) {
      stroke.forEach(([bx, by], n) => {
        const [ax, ay] = stroke[Math.max(0, n - 1)];
        const [u, v] = [bx - ax, by - ay], length = u * u + v * v;
        const [left, right] = span(ax, bx), [top, bottom] = span(ay, by);
        for (let i = top; i < bottom; i++) {
          for (let j = left; j < right; j++) {
            if (y.data[i * size + j] === 1) continue; // strokes lie over each other: most is black already
            const p = (j + 0.5) / unit - ax, q = (i + 0.5) / unit - ay;
            const t = length ? Math.max(0, Math.min(1, (p * u + q * v) / length)) : 0;
            const ink = Math.min(1, r + 0.5 - Math.sqrt((p - t * u) ** 2 + (q - t * v) ** 2) * unit);
            if (ink > y.data[i * size + j]) y.data[i * size + j] = ink;
          }
        }
      });
    }
    return y;
  };
  /**
   * What MNIST's makers did to a digit (1, n, n): cut out the box that holds the ink, scale it so that its longer side
   * has 20 pixels, each the mean of what it covers and the brightest 1, and put its centre of mass into the middle of
   * 28 by 28. {box: [top, left, height, width], scaled, image}; null without ink.
   */
  const centre = (drawing) => {
    const n = drawing.shape[1], { data } = drawing;
    let [top, left, bottom, right] = [n, n, 0, 0];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (data[i * n + j] <= 0.1) continue;
        top = Math.min(top, i);
        left = Math.min(left, j);
        bottom = i + 1;
        right = Math.max(right, j + 1);
      }
    }
    if (!bottom) return null;
    const box = [top, left, bottom - top, right - left];
    const side = Math.max(box[2], box[3]);
    const [h, w] = [box[2], box[3]].map((length) => Math.max(1, Math.round((20 * length) / side)));
    // the mean over what each of `count` parts of a row covers, row by row; turned over, so that twice does both axes
    const shrink = (image, rows, width, from, length, count) => {
      const out = new Float64Array(count * rows), step = length / count;
      for (let j = 0, to = 0; j < count; j++) {
        const a = from + j * step, b = a + step;
        for (let i = 0; i < rows; i++, to++) {
          for (let at = Math.floor(a); at < b && at < width; at++) out[to] += image[i * width + at] * (Math.min(b, at + 1) - Math.max(a, at)) / step;
        }
      }
      return out;
    };
    const scaled = tensor([1, h, w], shrink(shrink(data, n, n, left, box[3], w), w, n, top, box[2], h));
    const most = Math.max(...scaled.data);
    scaled.data = scaled.data.map((v) => v / most);
    let mass = 0, down = 0, across = 0;
    scaled.data.forEach((v, i) => {
      mass += v;
      down += v * (Math.floor(i / w) + 0.5);
      across += v * ((i % w) + 0.5);
    });
    const place = (at, length) => Math.max(0, Math.min(28 - length, Math.round(14 - at / mass)));
    const [y, x] = [place(down, h), place(across, w)];
    const image = tensor([1, 28, 28]);
    scaled.data.forEach((v, i) => { image.data[(y + Math.floor(i / w)) * 28 + x + (i % w)] = v; });
    return { box, scaled, image };
  };
  Object.assign(CourseMath, { centre, paint });
})();
