// A figure with pixels of its own, which take their colours from the page's theme.
(() => {
  "use strict";
  /** Draw a figure again whenever the reader turns the theme. */
  const themed = (figure) => new MutationObserver(() => { if (figure.isConnected) figure.update(); }).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  Object.assign(CourseFigures, { themed });
})();
