// What flows back through a correlation: every product of the way there is used twice.
(() => {
  "use strict";
  const { product, tensor, windows } = CourseMath;

  /** The gradients of correlate(x, w, { stride }) for x and w, from that of its output g (c_o, ...m): {dx, dw}. */
  const backward = (x, w, g, { stride = 1 } = {}) => {
    const [cOut, cIn, ...k] = w.shape, n = x.shape.slice(1);
    const { m, starts, taps } = windows(n, k, stride, 1);
    if (`${g.shape}` !== `${[cOut, ...m]}`) throw new RangeError(`the output is ${[cOut, ...m].join("×")}, its gradient ${g.shape.join("×")}`);
    const dx = tensor(x.shape), dw = tensor(w.shape), plane = product(n);
    for (let o = 0, from = 0; o < cOut; o++) {
      for (const start of starts) {
        const passed = g.data[from++];
        for (let c = 0, weight = o * cIn * taps.length; c < cIn; c++) {
          for (const tap of taps) {
            const pixel = c * plane + start + tap;
            dx.data[pixel] += w.data[weight] * passed;
            dw.data[weight++] += x.data[pixel] * passed;
          }
        }
      }
    }
    return { dx, dw };
  };
  Object.assign(CourseMath, { backward });
})();
