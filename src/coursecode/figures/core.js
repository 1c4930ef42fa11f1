// The arithmetic of the figures: what src/coursecode computes, in the browser. Nothing here draws.
//
// A classic script without a build step: <script defer> in a page, also from file://; inlined in a notebook's output;
// evaluated by MiniRacer in tests/coursecode/test_figures_core.py, which holds every function against PyTorch.
// Its parts are files, core.pool.js and others: a page gets those from which its figures take something.
// As everywhere in the course, padding is the total of both sides, and the odd row goes above or to the left.
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
  const padSides = (p, causal) => [causal ? p : Math.ceil(p / 2), causal ? 0 : Math.floor(p / 2)];
  Object.assign(math, { each, outputSize, padSides, product, tensor });
  return math;
})();
