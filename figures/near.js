// Loads a page's figures when they come near the window, or at once when the page's address speaks of one.
// The page's script element says in data-shared which script its figures share, in data-version what to ask for.
(() => {
  "use strict";
  const { src, dataset } = document.currentScript;
  const loaded = new Set();
  const load = (name) => {
    if (loaded.has(name)) return;
    loaded.add(name);
    const script = document.createElement("script");
    script.src = `${src.replace(/[^/]*$/, "")}${name}.js?v=${dataset.version}`;
    script.async = false; // in the order of their insertion
    document.head.append(script);
  };
  const wake = (figure) => {
    load(dataset.shared);
    load(figure.localName);
  };
  const figures = [...document.querySelectorAll("figure.interactive > :first-child")];
  const watch = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) if (isIntersecting) wake(target);
  }, { rootMargin: "1200px" });
  const addressed = () => figures.filter((figure) => location.hash.startsWith(`#${figure.parentNode.id}?`)).forEach(wake);
  figures.forEach((figure) => watch.observe(figure));
  addressed();
  addEventListener("hashchange", addressed);
})();
