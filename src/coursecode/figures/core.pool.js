// Maximum and average of windows.
(() => {
  "use strict";
  const { pad, product, tensor, windows } = CourseMath;

  /** Maximum or average ("max", "avg") of each window of x (c, ...n); argmax counts within the padded channel. */
  const pool = (x, { kernel, stride = kernel, padding = 0, mode = "max" }) => {
    const padded = pad(x, padding, mode === "max" ? -Infinity : 0);
    const [c, ...n] = padded.shape;
    const { m, starts, taps } = windows(n, kernel, stride, 1);
    const y = tensor([c, ...m]);
    const argmax = [];
    let to = 0;
    for (let channel = 0; channel < c; channel++) {
      const base = channel * product(n);
      for (const start of starts) {
        let best = -Infinity, where = start + taps[0], sum = 0;
        for (let t = 0; t < taps.length; t++) {
          const value = padded.data[base + start + taps[t]];
          sum += value;
          if (value > best) {
            best = value;
            where = start + taps[t];
          }
        }
        argmax.push(where);
        y.data[to++] = mode === "max" ? best : sum / taps.length;
      }
    }
    return { ...y, argmax };
  };
  Object.assign(CourseMath, { pool });
})();
