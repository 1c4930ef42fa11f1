// A picture as numbers.
(() => {
  "use strict";
  const { node } = CourseFigures;
  const { tensor } = CourseMath;

  /** The mean of a picture's red, green and blue, (1, height, width); shrunk to `most` pixels along the longer side. */
  const grey = (picture, width, height, most) => {
    const part = Math.min(1, most / Math.max(width, height)), [n, m] = [height, width].map((side) => Math.max(8, Math.round(side * part)));
    const canvas = node("canvas", { width: m, height: n }), context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0, m, n);
    const { data } = context.getImageData(0, 0, m, n);
    return tensor([1, n, m], Float64Array.from({ length: n * m }, (_, i) => Math.round((data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3)));
  };
  Object.assign(CourseFigures, { grey });
})();
