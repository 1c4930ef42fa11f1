// LeNet that learns.
(() => {
  "use strict";

  /**
   * LeNet that learns, for 28 by 28 images: ReLU or sigmoid, maximum pooling, 61,706 numbers in the order of torch's
   * state_dict. It names nothing outside itself: its text can be sent to a worker. Max pooling leaves a quarter of the
   * gradients, and ReLU half of those; what is 0 is skipped, which is most of the work of going back.
   */
  const trainer = ({ activation = "relu", bias = true, seed = 0 } = {}) => {
    const SHAPES = [[6, 25], [6], [16, 150], [16], [120, 400], [120], [84, 120], [84], [10, 84], [10]];
    const sizes = SHAPES.map((shape) => shape.reduce((a, b) => a * b)), starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
    const total = sizes.reduce((a, b) => a + b), weights = new Float64Array(total), gradient = new Float64Array(total), speed = new Float64Array(total);
    const cut = (all) => starts.map((from, i) => all.subarray(from, from + sizes[i]));
    const [w, g] = [cut(weights), cut(gradient)];
    const sigmoid = activation === "sigmoid";
    // mulberry32, and the normal numbers that two of its numbers give
    let state = (seed + 1) * 0x9e3779b9 | 0;
    const random = () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    SHAPES.forEach((shape, i) => {
      if (shape[1]) for (let n = 0, size = Math.sqrt((sigmoid ? 1 : 2) / shape[1]); n < sizes[i]; n++) w[i][n] = size * normal();
    });

    const made = (n) => new Float64Array(n);
    const padded = made(32 * 32), x1 = made(784 * 25), z1 = made(6 * 784), h1 = made(6 * 196), x2 = made(100 * 150), z2 = made(1600), h2 = made(400), h3 = made(120), h4 = made(84), scores = made(10), shares = made(10);
    const most1 = new Int32Array(6 * 196), most2 = new Int32Array(400);
    const back1 = made(6 * 196), back2 = made(400), back3 = made(120), back4 = made(84), backX2 = made(100 * 150), back5 = made(10);

    /** z[o, p] = b[o] + sum over t of weight[o, t] x[p, t], four or two outputs at a time. */
    const layer = (x, places, taps, weight, b, outputs, z) => {
      for (let o = 0; o < outputs;) {
        const w0 = o * taps, w1 = w0 + taps, w2 = w1 + taps, w3 = w2 + taps;
        if (outputs - o >= 4) {
          for (let p = 0, at = 0; p < places; p++, at += taps) {
            let s0 = b[o], s1 = b[o + 1], s2 = b[o + 2], s3 = b[o + 3];
            for (let t = 0; t < taps; t++) {
              const v = x[at + t];
              s0 += weight[w0 + t] * v;
              s1 += weight[w1 + t] * v;
              s2 += weight[w2 + t] * v;
              s3 += weight[w3 + t] * v;
            }
            z[o * places + p] = s0;
            z[(o + 1) * places + p] = s1;
            z[(o + 2) * places + p] = s2;
            z[(o + 3) * places + p] = s3;
          }
          o += 4;
        } else {
          for (let p = 0, at = 0; p < places; p++, at += taps) {
            let s0 = b[o], s1 = b[o + 1];
            for (let t = 0; t < taps; t++) {
              const v = x[at + t];
              s0 += weight[w0 + t] * v;
              s1 += weight[w1 + t] * v;
            }
            z[o * places + p] = s0;
            z[(o + 1) * places + p] = s1;
          }
          o += 2;
        }
      }
    };
    /** The windows of 5 by 5 in c images of n by n, a row for each place. */
    const windows = (image, c, n, x) => {
      const m = n - 4;
      for (let i = 0, to = 0; i < m; i++) {
        for (let j = 0; j < m; j++) {
          for (let channel = 0; channel < c; channel++) {
            for (let a = 0, from = (channel * n + i) * n + j; a < 5; a++, from += n) {
              for (let b = 0; b < 5; b++) x[to++] = image[from + b];
            }
          }
        }
      }
    };
    const act = sigmoid ? (v) => 1 / (1 + Math.exp(-v)) : (v) => (v > 0 ? v : 0);
    /** What a gradient is multiplied with on its way back through an activation that came to v. */
    const slope = sigmoid ? (v) => v * (1 - v) : (v) => (v > 0 ? 1 : 0);
    /** The largest of each 2 by 2, then the activation: both rise, so their order does not matter. */
    const pool = (z, c, n, h, most) => {
      const m = n / 2;
      for (let channel = 0, to = 0; channel < c; channel++) {
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < m; j++, to++) {
            const first = channel * n * n + 2 * i * n + 2 * j;
            let at = first;
            if (z[first + 1] > z[at]) at = first + 1;
            if (z[first + n] > z[at]) at = first + n;
            if (z[first + n + 1] > z[at]) at = first + n + 1;
            most[to] = at;
            h[to] = act(z[at]);
          }
        }
      }
    };
    /** The ten shares for an image, 784 numbers; they stand until the next call. */
    const forward = (image) => {
      for (let i = 0; i < 28; i++) for (let j = 0; j < 28; j++) padded[(i + 2) * 32 + j + 2] = image[i * 28 + j];
      windows(padded, 1, 32, x1);
      layer(x1, 784, 25, w[0], w[1], 6, z1);
      pool(z1, 6, 28, h1, most1);
      windows(h1, 6, 14, x2);
      layer(x2, 100, 150, w[2], w[3], 16, z2);
      pool(z2, 16, 10, h2, most2);
      layer(h2, 1, 400, w[4], w[5], 120, h3);
      for (let i = 0; i < 120; i++) h3[i] = act(h3[i]);
      layer(h3, 1, 120, w[6], w[7], 84, h4);
      for (let i = 0; i < 84; i++) h4[i] = act(h4[i]);
      layer(h4, 1, 84, w[8], w[9], 10, scores);
      let top = -Infinity, sum = 0;
      for (let i = 0; i < 10; i++) top = Math.max(top, scores[i]);
      for (let i = 0; i < 10; i++) sum += shares[i] = Math.exp(scores[i] - top);
      for (let i = 0; i < 10; i++) shares[i] /= sum;
      return shares;
    };
    /** Add to the gradients of a layer of `outputs` and give its inputs theirs. */
    const through = (back, outputs, x, inputs, weight, gw, gb, out) => {
      if (out) out.fill(0);
      for (let o = 0, at = 0; o < outputs; o++, at += inputs) {
        const v = back[o];
        if (v === 0) continue;
        gb[o] += v;
        for (let i = 0; i < inputs; i++) {
          gw[at + i] += v * x[i];
          out[i] += v * weight[at + i];
        }
      }
    };
    /** Add the gradient of one digit's cross-entropy, times `part`; its loss. */
    const learn = (image, label, part) => {
      forward(image);
      for (let i = 0; i < 10; i++) back5[i] = part * (shares[i] - (i === label ? 1 : 0));
      through(back5, 10, h4, 84, w[8], g[8], g[9], back4);
      for (let i = 0; i < 84; i++) back4[i] *= slope(h4[i]);
      through(back4, 84, h3, 120, w[6], g[6], g[7], back3);
      for (let i = 0; i < 120; i++) back3[i] *= slope(h3[i]);
      through(back3, 120, h2, 400, w[4], g[4], g[5], back2);
      backX2.fill(0);
      for (let i = 0; i < 400; i++) {
        const v = back2[i] * slope(h2[i]);
        if (v === 0) continue;
        const o = Math.floor(i / 25), at = (most2[i] - o * 100) * 150, from = o * 150;
        g[3][o] += v;
        for (let t = 0; t < 150; t++) {
          g[2][from + t] += v * x2[at + t];
          backX2[at + t] += v * w[2][from + t];
        }
      }
      back1.fill(0);
      for (let i = 0, from = 0; i < 10; i++) {
        for (let j = 0; j < 10; j++) {
          for (let channel = 0; channel < 6; channel++) {
            for (let a = 0, to = (channel * 14 + i) * 14 + j; a < 5; a++, to += 14) {
              for (let b = 0; b < 5; b++) back1[to + b] += backX2[from++];
            }
          }
        }
      }
      for (let i = 0; i < 1176; i++) {
        const v = back1[i] * slope(h1[i]);
        if (v === 0) continue;
        const o = Math.floor(i / 196), at = (most1[i] - o * 784) * 25, from = o * 25;
        g[1][o] += v;
        for (let t = 0; t < 25; t++) g[0][from + t] += v * x1[at + t];
      }
      return -Math.log(Math.max(shares[label], 1e-300));
    };
    /** One step of descent with momentum and decay, as torch.optim.SGD takes it; the gradients begin anew. */
    const step = ({ rate, momentum = 0.9, decay = 5e-4 }) => {
      if (!bias) for (let i = 1; i < 10; i += 2) g[i].fill(0);
      for (let i = 0; i < total; i++) {
        speed[i] = momentum * speed[i] + gradient[i] + decay * weights[i];
        weights[i] -= rate * speed[i];
      }
      gradient.fill(0);
    };
    return { forward, gradient, learn, random, step, weights };
  };
  Object.assign(CourseMath, { trainer });
})();
