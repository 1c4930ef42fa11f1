// Where an output of a stack of layers listens: its gradient with respect to the image, in two dimensions.
(() => {
  "use strict";
  const { normal, outputSize, padSides } = CourseMath;

  /** Heights and widths of all maps, from the image's [height, width] on. */
  const mapSizes = (image, layers) => layers.reduce((sizes, { kernel, stride = 1, padding = 0, dilation = 1 }) => [
    ...sizes, sizes.at(-1).map((n) => outputSize(n, kernel, padding, stride, dilation)),
  ], [image]);
  /** A kernel for each layer: equal weights that add up to 1, or random ones; a pooling layer takes the mean in any case. */
  const stackWeights = (layers, random = false, seed = 0) => {
    const draw = normal(seed);
    return layers.map(({ kernel: k, pool }) => Float64Array.from({ length: k * k }, () => (random && !pool ? draw() / k : 1 / (k * k))));
  };
  /**
   * The gradient of output `at` with respect to the image, within its field: {top, left, shape: [height, width], data}.
   * Wherever the edges of the maps cut off as much it is the same: `known`, a Map of one stack, remembers it.
   */
  const listens = (image, layers, weights, at, known = new Map()) => {
    const sizes = mapSizes(image, layers), boxes = [at.map((place) => [place, place])];
    let cut = "";
    for (let l = layers.length - 1; l >= 0; l--) {
      const { kernel: k, stride: s = 1, padding: p = 0, dilation: d = 1 } = layers[l], before = padSides(p)[0];
      boxes.unshift(boxes[0].map(([first, last], axis) => {
        const ends = [first * s - before, last * s - before + d * (k - 1)], inside = [Math.max(0, ends[0]), Math.min(sizes[l][axis] - 1, ends[1])];
        cut += `${inside[0] - ends[0]} ${ends[1] - inside[1]} `;
        return inside;
      }));
    }
    const shape = boxes[0].map(([first, last]) => last - first + 1);
    if (known.size > 99) known.clear();
    if (!known.has(cut)) known.set(cut, boxes.slice(1).reduceRight((data, box, l) => handed(data, box, boxes[l], layers[l], weights[l]), new Float64Array([1])));
    return { top: boxes[0][0][0], left: boxes[0][1][0], shape, data: known.get(cut) };
  };
  /** What of the gradient in a box of outputs, [[first, last], [first, last]], arrives in the box of a layer's inputs. */
  const handed = (data, [[top, bottom], [left, right]], [[y0, y1], [x0, x1]], { kernel: k, stride: s = 1, padding: p = 0, dilation: d = 1 }, w) => {
    const before = padSides(p)[0], wide = x1 - x0 + 1, below = new Float64Array((y1 - y0 + 1) * wide);
    for (let i = top, from = 0; i <= bottom; i++) {
      for (let j = left; j <= right; j++, from++) {
        const passed = data[from];
        for (let a = 0, y = i * s - before; a < k; a++, y += d) {
          if (y < y0 || y > y1) continue;
          for (let b = 0, x = j * s - before, to = (y - y0) * wide - x0; b < k; b++, x += d) {
            if (x >= x0 && x <= x1) below[to + x] += passed * w[a * k + b];
          }
        }
      }
    }
    return below;
  };
  /** The smallest square about the middle of a field {top, left, size} with this share of the gradient: [side, share]. */
  const heart = ({ top, left, shape: [, wide], data }, field, share) => {
    const rings = Array(Math.ceil(field.size / 2)).fill(0), middle = (field.size - 1) / 2;
    let all = 0;
    data.forEach((g, i) => {
      const y = top + Math.floor(i / wide) - field.top - middle, x = left + (i % wide) - field.left - middle, size = Math.abs(g);
      rings[Math.floor(Math.max(Math.abs(y), Math.abs(x)))] += size;
      all += size;
    });
    let ring = 0, held = rings[0];
    while (held < share * all && ring < rings.length - 1) held += rings[++ring];
    return [2 * ring + 2 - (field.size % 2), held / all];
  };
  Object.assign(CourseMath, { heart, listens, mapSizes, stackWeights });
})();
