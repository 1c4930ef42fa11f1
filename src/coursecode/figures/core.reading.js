// What windows read of an input, and what they leave.
(() => {
  "use strict";
  const { outputSize, padSides } = CourseMath;

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
  Object.assign(CourseMath, { dropped, useCounts });
})();
