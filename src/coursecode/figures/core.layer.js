// One dense layer.
(() => {
  "use strict";
  const { tensor } = CourseMath;

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
  Object.assign(CourseMath, { dense });
})();
