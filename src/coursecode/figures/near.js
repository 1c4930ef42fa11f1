// Loads a page's figures when one comes near the window, or at once when the page's address speaks of one.
// The page's script element says in data-figures which script they are in.
(() => {
  "use strict";
  const { src, dataset } = document.currentScript;
  const figures = [...document.querySelectorAll("figure.interactive > :first-child")];
  const wake = () => {
    if (!watch) return;
    watch.disconnect();
    watch = 0;
    const script = document.createElement("script");
    script.src = src.replace(/[^/]*$/, dataset.figures);
    document.head.append(script);
  };
  let watch = new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) wake(); }, { rootMargin: "1200px" });
  figures.forEach((figure) => watch.observe(figure));
  const addressed = () => { if (figures.some((figure) => location.hash.startsWith(`#${figure.parentNode.id}?`))) wake(); };
  addressed();
  addEventListener("hashchange", addressed);
})();
