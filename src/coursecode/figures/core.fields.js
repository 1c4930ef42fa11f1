// Receptive fields, and how many paths lead from an input to an output.
(() => {
  "use strict";
  const { outputSize, padSides } = CourseMath;

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
      const below = Array(Math.max(0, sizes[i])).fill(0);
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
  Object.assign(CourseMath, { pathCounts, receptiveField });
})();
