// Parameters and multiplications, exact however large.
(() => {
  "use strict";
  const { each } = CourseMath;

  const big = (...numbers) => numbers.reduce((a, b) => a * BigInt(b), 1n);
  const denseParameters = (inputs, outputs, bias = false) => big(inputs, outputs) + (bias ? BigInt(outputs) : 0n);
  const convParameters = (cIn, cOut, kernel, bias = true) =>
    big(cIn, cOut, ...each(kernel, 2)) + (bias ? BigInt(cOut) : 0n);
  const denseMacs = (inputs, outputs) => big(inputs, outputs);
  const convMacs = (cIn, cOut, kernel, out) => big(cIn, cOut, ...each(kernel, out.length), ...out);
  Object.assign(CourseMath, { convMacs, convParameters, denseMacs, denseParameters });
})();
