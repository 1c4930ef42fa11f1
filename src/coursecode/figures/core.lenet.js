// LeNet with its weights, layer by layer.
(() => {
  "use strict";
  const { correlate, dense, pool, product, tensor } = CourseMath;

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
  Object.assign(CourseMath, { activations, checksum, fromBase64, halfToFloat, LENET, lenet, lenetWeights, softmax });
})();
