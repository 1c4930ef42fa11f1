// Correlation in any number of dimensions: pad, lay out the windows, multiply, add.
(() => {
  "use strict";
  const { each, outputSize, padSides, product, tensor } = CourseMath;

  const strides = (shape) => shape.map((_, axis) => product(shape.slice(axis + 1)));
  /** Where the elements of the box `shape` stand, in row-major order, when a step along an axis goes `steps[axis]` on. */
  const places = (shape, steps) => shape.reduce((found, size, axis) => {
    const next = [];
    for (const at of found) for (let i = 0; i < size; i++) next.push(at + i * steps[axis]);
    return next;
  }, [0]);
  const scaled = (steps, by) => steps.map((step, axis) => step * by[axis]);

  /** x (c, ...n) inside a frame of `value`, p elements in total on each axis, or all of them in front. */
  const pad = (x, padding, value = 0, causal = 0) => {
    const [c, ...n] = x.shape;
    const p = each(padding, n.length);
    if (p.every((total) => total === 0)) return x;
    const before = p.map((total) => padSides(total, causal)[0]);
    const shape = [c, ...n.map((size, axis) => size + p[axis])];
    const y = tensor(shape);
    if (value) y.data.fill(value);
    const to = strides(shape), first = before.reduce((sum, size, axis) => sum + size * to[axis + 1], 0);
    places(x.shape, to).forEach((where, from) => { y.data[first + where] = x.data[from]; });
    return y;
  };
  /** Where the windows of one channel begin (in the order of the outputs), and where their elements stand in it. */
  const windows = (n, kernel, stride, dilation) => {
    const axes = n.length;
    const [k, s, d] = [kernel, stride, dilation].map((value) => each(value, axes));
    const m = n.map((size, axis) => outputSize(size, k[axis], 0, s[axis], d[axis]));
    if (m.some((size) => !(size >= 1))) throw new RangeError("the kernel does not fit the padded input");
    const step = strides(n);
    return { m, starts: places(m, scaled(step, s)), taps: places(k, scaled(step, d)) };
  };

  /** Correlation of x (c_i, ...n) with w (c_o, c_i, ...k), plus a bias for each output channel: (c_o, ...m). */
  const correlate = (x, w, { bias = null, padding = 0, stride = 1, dilation = 1 } = {}) => {
    const [cOut, cIn, ...k] = w.shape;
    if (x.shape[0] !== cIn) throw new RangeError(`the input has ${x.shape[0]} channels, the kernel ${cIn}`);
    const padded = pad(x, padding);
    const { m, starts, taps } = windows(padded.shape.slice(1), k, stride, dilation);
    const plane = product(padded.shape.slice(1));
    const offsets = Int32Array.from({ length: cIn * taps.length }, (_, i) =>
      Math.floor(i / taps.length) * plane + taps[i % taps.length]);
    const y = tensor([cOut, ...m]);
    const input = new Float64Array(padded.data), weight = new Float64Array(w.data), n = offsets.length;
    const seen = new Float64Array(n);
    starts.forEach((start, to) => {
      for (let t = 0; t < n; t++) seen[t] = input[start + offsets[t]];
      for (let o = 0, at = 0; o < cOut; o++, to += starts.length) {
        let sum = bias ? bias[o] : 0;
        for (let t = 0; t < n; t++) sum += weight[at++] * seen[t];
        y.data[to] = sum;
      }
    });
    return y;
  };
  /** w (c_o, c_i, ...k) with the kernel turned round on every axis: correlation with it is true convolution. */
  const flip = (w) => {
    const size = product(w.shape.slice(2));
    return tensor(w.shape, w.data.map((_, i) => w.data[Math.floor(i / size) * size + size - 1 - (i % size)]));
  };
  Object.assign(CourseMath, { correlate, flip, pad, windows });
})();
