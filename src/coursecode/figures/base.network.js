// Load a script of its own, at once or when a figure comes near the window.
(() => {
  "use strict";
  const { node } = CourseFigures;

  /**
   * Load `file`, a script beside this one: at once, or when `element` comes near the window: a promise. A notebook has the data
   * in the page already: then `ready()` says so and nothing is loaded.
   */
  const home = document.currentScript && document.currentScript.src ? document.currentScript.src : "";
  const script = (file) => new Promise((resolve, reject) => {
    document.head.append(node("script", { src: home.replace(/[^/?]*(\?.*)?$/, `${file}$1`), onload: () => resolve(), onerror: () => reject(new Error(file)) }));
  });
  const whenNear = (element, file, ready = () => false) => new Promise((resolve, reject) => {
    if (ready()) { resolve(); return; }
    const watch = new IntersectionObserver((seen) => {
      if (!seen.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      script(file).then(resolve, reject);
    }, { rootMargin: "600px" });
    watch.observe(element);
  });
  Object.assign(CourseFigures, { script, whenNear });
})();
