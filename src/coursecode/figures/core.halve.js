// Four ways to take every second place of a map, and how far apart "shift, then halve" and "halve, then shift" are.
(() => {
  "use strict";
  const { correlate, pool, tensor } = CourseMath;

  const BLUR = tensor([1, 1, 3, 3], [1, 2, 1, 2, 4, 2, 1, 2, 1].map((w) => w / 16));
  const WAYS = {
    second: (x) => pool(x, { kernel: 1, stride: 2 }),
    maximum: (x) => pool(x, { kernel: 2 }),
    average: (x) => pool(x, { kernel: 2, mode: "avg" }),
    blur: (x) => correlate(x, BLUR, { padding: 2, stride: 2 }),
  };
  const halvings = Object.keys(WAYS);
  /** x (1, n, n) with half its height and width: each second place, the maximum or mean of four, or a blur before. */
  const halve = (x, way) => WAYS[way](x);
  /** x (1, n, n) moved to the right by so many places, zeros coming in; half a place is the mean of two neighbours. */
  const moved = ({ shape, data }, by) => {
    const whole = Math.floor(by), part = by - whole, n = shape[2];
    const at = (i, j) => (j < 0 ? 0 : data[i - (i % n) + j]);
    return tensor(shape, Array.from(data, (_, i) => {
      const j = (i % n) - whole;
      return part ? (1 - part) * at(i, j) + part * at(i, j - 1) : at(i, j);
    }));
  };
  /** How far a is from b, as a share of the larger one's size: |a - b| / max(|a|, |b|); 0 where both are nothing. */
  const distance = (a, b) => Math.hypot(...Array.from(a.data, (v, i) => v - b.data[i])) / Math.max(Math.hypot(...a.data), Math.hypot(...b.data)) || 0;
  Object.assign(CourseMath, { distance, halve, halvings, moved });
})();
