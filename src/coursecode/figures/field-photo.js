// What an output of a stack of layers sees of a photo: the patch in its field, and over it where it really listens.
(() => {
  "use strict";
  const { Moving, clamp, define, themed, whenNear } = CourseFigures;

  const same = (kernel, stride, dilation) => ({ kernel, stride, dilation, padding: dilation * (kernel - 1) });
  const pooling = { kernel: 2, stride: 2, pool: true };
  const STACKS = {
    own: ({ layers, kernel, stride, dilation }) => Array(layers).fill(same(kernel, stride, dilation)),
    strides: () => [2, 2, 1, 1].map((s) => same(3, s, 1)),
    lenet: () => [{ kernel: 5, padding: 4 }, pooling, { kernel: 5 }, pooling],
    doubling: () => [1, 2, 4, 8].map((d) => same(3, 1, d)),
    holes: () => [2, 2, 2].map((d) => same(3, 1, d)),
  };
  const own = ({ stack }) => stack === "own";

  define("field-photo", class extends Moving {
    static settings = [
      { name: "stack", kind: "choice", value: "own", options: Object.keys(STACKS) },
      ...Object.entries({ layers: [10, 1, 10], kernel: [3, 2, 5], stride: [1, 1, 2], dilation: [1, 1, 3] })
        .map(([name, [value, min, max]]) => ({ name, kind: "range", value, min, max, when: own })),
      { name: "weights", kind: "choice", value: "average", options: ["average", "random"] },
      { name: "seed", kind: "range", value: 0, min: 0, max: 9, when: ({ weights }) => weights === "random" },
      ...["row", "column"].map((name, axis) => ({ name, kind: "range", value: [47, 64][axis], min: 0, max: ({ far }) => (far ? far[axis] : 149) })),
    ];
    static moves = ["column", "row"];
    static predicts = true;

    connectedCallback() {
      if (this.shadowRoot) return;
      this.fault = "loading";
      super.connectedCallback();
      themed(this);
      this.figure.setAttribute("aria-busy", true);
      whenNear(this, "photo.data.js", () => globalThis.COURSE_PHOTO).then(() => Object.assign(this, FIELD_PHOTO).open(COURSE_PHOTO)).catch(() => { this.fault = "missing"; this.update(); })
        .finally(() => this.figure.removeAttribute("aria-busy"));
    }
    problem() { return this.fault && this.t(this.fault); }
    layers(state) { return STACKS[state.stack](state); }
    code({ row, column }) { return `torch.autograd.grad(net(X)[0, 0, ${row}, ${column}], X)`; }
    update() {
      const { state } = this;
      if (!this.fault) {
        state.far = this.far(this.layers(state));
        [state.row, state.column] = [state.row, state.column].map((v, axis) => clamp(v, state.far[axis]));
      }
      super.update();
    }
    draw(state, problem) { return problem ? "" : this.drawn(state); }
  });
})();
