// A setting that moves to a value before the reader's eyes.
(() => {
  "use strict";
  const { clamp } = CourseFigures;

  /** Move a figure's setting to a value, picture by picture, in so many seconds; at once for who wants no motion. */
  const tween = (figure, name, to, seconds) => {
    cancelAnimationFrame(figure.frames);
    const from = figure.state[name], begun = performance.now(), { step = 1 } = figure.settings.find((s) => s.name === name);
    const time = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 1000 * seconds;
    const frame = (now) => {
      const t = time ? clamp((now - begun) / time, 1) : 1;
      figure.sayLine.setAttribute("aria-live", t < 1 ? "off" : "polite");
      figure.set({ [name]: t < 1 ? +(Math.round((from + (to - from) * t) / step) * step).toFixed(4) : to }, { quiet: true });
      if (t < 1) figure.frames = requestAnimationFrame(frame);
    };
    frame(begun);
  };
  Object.assign(CourseFigures, { tween });
})();
