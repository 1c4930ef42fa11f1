// The arithmetic of the figures: what src/coursecode computes, in the browser. Nothing here draws.
//
// A classic script without a build step: <script defer> in a page, also from file://; inlined in a notebook's output;
// evaluated by MiniRacer in tests/coursecode/test_figures_core.py, which holds every function against PyTorch.
// As everywhere in the course, padding is the total of both sides, and the odd row goes above or to the left.
// It travels in parts: a page gets what its figures use. "// [pool: windows" opens a part that needs another one.
//
// A tensor is {shape, data}: data in row-major order, an array or a typed array of numbers.
var CourseMath = (() => {
  "use strict";
  const math = globalThis.CourseMath || {}; // in a notebook, another figure's parts
  const product = (numbers) => numbers.reduce((a, b) => a * b, 1);
  const tensor = (shape, data = new Float64Array(product(shape))) => ({ shape, data });
  const each = (value, axes) => (Array.isArray(value) ? value : Array(axes).fill(value));

  // -- sizes -------------------------------------------------------------------------------------------------------

  /** Windows along one axis, floor((n - k + p + s) / s); 0 or less where the kernel does not fit. */
  const outputSize = (n, k, p = 0, s = 1, d = 1) => Math.floor((n - (d * (k - 1) + 1) + p + s) / s);
  /** [before, after] of a total padding. */
  const padSides = (p) => [Math.ceil(p / 2), Math.floor(p / 2)];
  Object.assign(math, { each, outputSize, padSides, product, tensor });

  // [fields
  /** Receptive field after each layer {kernel, stride, padding, dilation}: size, jump and start in input elements. */
  const receptiveField = (layers) => {
    let size = 1, jump = 1, start = 0;
    return layers.map(({ kernel: k, stride: s = 1, padding: p = 0, dilation: d = 1 }) => {
      size += d * (k - 1) * jump;
      start -= padSides(p)[0] * jump;
      jump *= s;
      return { size, jump, start };
    });
  };
  /** How many paths lead from each of n inputs to output `at` of the stack; the sizes of all maps. */
  const pathCounts = (n, layers, at) => {
    const sizes = [n];
    for (const l of layers) sizes.push(outputSize(sizes.at(-1), l.kernel, l.padding || 0, l.stride || 1, l.dilation || 1));
    let counts = Array(Math.max(0, sizes.at(-1))).fill(0);
    if (at >= 0 && at < counts.length) counts[at] = 1;
    const steps = [counts];
    for (let i = layers.length - 1; i >= 0; i--) {
      const { kernel: k, stride: s = 1, padding: p = 0, dilation: d = 1 } = layers[i];
      const below = Array(sizes[i]).fill(0);
      counts.forEach((count, j) => {
        for (let a = 0; a < k; a++) {
          const to = j * s + a * d - padSides(p)[0];
          if (count && to >= 0 && to < below.length) below[to] += count;
        }
      });
      steps.unshift((counts = below));
    }
    return { sizes, counts: steps };
  };
  Object.assign(math, { pathCounts, receptiveField });
  // fields]

  // [reading
  /** Rows at the far end of the padded input that no window reaches because of the floor. */
  const dropped = (n, k, p = 0, s = 1) => (n + p - k) % s;
  /** In how many windows each of the n elements stands. */
  const useCounts = (n, k, p = 0, s = 1) => {
    const counts = Array(n).fill(0);
    const before = padSides(p)[0];
    for (let i = 0; i < outputSize(n, k, p, s); i++) {
      for (let a = 0; a < k; a++) {
        const at = i * s + a - before;
        if (at >= 0 && at < n) counts[at]++;
      }
    }
    return counts;
  };
  Object.assign(math, { dropped, useCounts });
  // reading]

  // [counts
  // Parameters and multiplications, exact however large.
  const big = (...numbers) => numbers.reduce((a, b) => a * BigInt(b), 1n);
  const denseParameters = (inputs, outputs, bias = false) => big(inputs, outputs) + (bias ? BigInt(outputs) : 0n);
  const convParameters = (cIn, cOut, kernel, bias = true) =>
    big(cIn, cOut, ...each(kernel, 2)) + (bias ? BigInt(cOut) : 0n);
  const denseMacs = (inputs, outputs) => big(inputs, outputs);
  const convMacs = (cIn, cOut, kernel, out) => big(cIn, cOut, ...each(kernel, out.length), ...out);
  Object.assign(math, { convMacs, convParameters, denseMacs, denseParameters });
  // counts]

  // [windows
  const strides = (shape) => shape.map((_, axis) => product(shape.slice(axis + 1)));
  /** Where the elements of the box `shape` stand, in row-major order, when a step along an axis goes `steps[axis]` on. */
  const places = (shape, steps) => shape.reduce((found, size, axis) => {
    const next = [];
    for (const at of found) for (let i = 0; i < size; i++) next.push(at + i * steps[axis]);
    return next;
  }, [0]);
  const scaled = (steps, by) => steps.map((step, axis) => step * by[axis]);

  /** x (c, ...n) inside a frame of `value`, p elements in total on each axis. */
  const pad = (x, padding, value = 0) => {
    const [c, ...n] = x.shape;
    const p = each(padding, n.length);
    if (p.every((total) => total === 0)) return x;
    const before = p.map((total) => padSides(total)[0]);
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
  Object.assign(math, { correlate, flip, pad });
  // windows]

  // [pool: windows
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
  Object.assign(math, { pool });
  // pool]

  // [drawing
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
  Object.assign(math, { centre, paint });
  // drawing]

  // [layer
  /** W x + b for W (outputs, inputs). */
  const dense = (x, w, b = null) => {
    const [outputs, inputs] = w.shape;
    if (x.data.length !== inputs) throw new RangeError(`the layer takes ${inputs} inputs, not ${x.data.length}`);
    const y = tensor([outputs]);
    for (let o = 0; o < outputs; o++) {
      let sum = b ? b[o] : 0;
      for (let i = 0, at = o * inputs; i < inputs; i++) sum += w.data[at++] * x.data[i];
      y.data[o] = sum;
    }
    return y;
  };
  Object.assign(math, { dense });
  // layer]

  // [lenet: pool layer
  const map = (f) => (x) => {
    const y = tensor(x.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = f(x.data[i]);
    return y;
  };
  const activations = {
    relu: map((v) => (v > 0 ? v : 0)),
    sigmoid: map((v) => 1 / (1 + Math.exp(-v))),
    tanh: map(Math.tanh),
    identity: (x) => x,
  };
  const softmax = (values) => {
    const top = Math.max(...values);
    const powers = Array.from(values, (v) => Math.exp(v - top));
    const total = powers.reduce((a, b) => a + b, 0);
    return powers.map((v) => v / total);
  };
  /** LeNet's parameters in the order of torch's state_dict: name and shape, 61,706 numbers. */
  const LENET = [
    ["conv1.weight", [6, 1, 5, 5]], ["conv1.bias", [6]],
    ["conv2.weight", [16, 6, 5, 5]], ["conv2.bias", [16]],
    ["dense1.weight", [120, 400]], ["dense1.bias", [120]],
    ["dense2.weight", [84, 120]], ["dense2.bias", [84]],
    ["dense3.weight", [10, 84]], ["dense3.bias", [10]],
  ];
  /** Cut a flat list of 61,706 numbers into LeNet's parameters; RangeError when it has another length. */
  const lenetWeights = (flat) => {
    const wanted = LENET.reduce((sum, [, shape]) => sum + product(shape), 0);
    if (flat.length !== wanted) throw new RangeError(`LeNet has ${wanted} parameters, not ${flat.length}`);
    let at = 0;
    return Object.fromEntries(LENET.map(([name, shape]) => {
      const from = at;
      at += product(shape);
      return [name, tensor(shape, flat.slice(from, at))];
    }));
  };
  /** Every layer's output for an image (1, 28, 28): [[name, tensor]...], the last one the ten probabilities. */
  const lenet = (weights, image, { activation = "relu", pooling = "max" } = {}) => {
    const act = activations[activation];
    const steps = [];
    let x = image;
    const step = (name, y) => steps.push([name, (x = y)]);
    const w = (name) => weights[`${name}.weight`];
    const b = (name) => weights[`${name}.bias`].data;
    step("conv1", correlate(x, w("conv1"), { bias: b("conv1"), padding: 4 }));
    step("act1", act(x));
    step("pool1", pool(x, { kernel: 2, mode: pooling }));
    step("conv2", correlate(x, w("conv2"), { bias: b("conv2") }));
    step("act2", act(x));
    step("pool2", pool(x, { kernel: 2, mode: pooling }));
    for (const [i, name] of ["dense1", "dense2", "dense3"].entries()) {
      step(name, dense(x, w(name), b(name)));
      if (i < 2) step(`act${i + 3}`, act(x));
    }
    step("softmax", tensor([10], softmax(x.data)));
    return steps;
  };

  /** Little-endian half-precision numbers as Float32Array. */
  const halfToFloat = (bytes) => {
    const out = new Float32Array(bytes.length >> 1);
    for (let i = 0; i < out.length; i++) {
      const h = bytes[2 * i] | (bytes[2 * i + 1] << 8);
      const exponent = (h >> 10) & 31, fraction = h & 1023, sign = h & 0x8000 ? -1 : 1;
      out[i] = sign * (exponent === 31 ? (fraction ? NaN : Infinity)
        : exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
    }
    return out;
  };
  /** The bytes of a base64 text; RangeError where a character is none of base64's. */
  const fromBase64 = (text) => {
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const clean = text.replace(/[\s=]/g, "");
    const bytes = new Uint8Array((clean.length * 3) >> 2);
    for (let i = 0, at = 0, bits = 0, held = 0; i < clean.length; i++) {
      const value = letters.indexOf(clean[i]);
      if (value < 0) throw new RangeError("the text is no base64");
      held = ((held << 6) | value) & 0xffff;
      if ((bits += 6) >= 8) bytes[at++] = (held >> (bits -= 8)) & 255;
    }
    return bytes;
  };
  /** FNV-1a over bytes, 8 hexadecimal digits: tells damaged weights from whole ones. */
  const checksum = (bytes) => {
    let hash = 0x811c9dc5;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    return hash.toString(16).padStart(8, "0");
  };
  Object.assign(math, { activations, checksum, fromBase64, halfToFloat, LENET, lenet, lenetWeights, softmax });
  // lenet]

  // [training
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
  Object.assign(math, { trainer });
  // training]
  return math;
})();
