// What every page does beside the theme: drawers that close, the section that is being read, names for what scrolls,
// and paper that shows what is folded.
(() => {
  "use strict";
  const words = JSON.parse(document.currentScript.dataset.words || "{}"); // in the page's language, by the English here
  const t = (sentence) => words[sentence] ?? sentence;

  // -- drawers: the theme opens both sidebars as dialogs on a narrow screen -------------------------------------------
  for (const [side, toggle] of [["primary", ".primary-toggle"], ["secondary", ".secondary-toggle"]]) {
    const dialog = document.getElementById(`pst-${side}-sidebar-modal`), button = document.querySelector(toggle);
    if (!dialog || !button) continue;
    let place = ""; // where a link of the drawer leads: the page goes there once the drawer has given its focus back
    dialog.addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#']");
      if (link) event.preventDefault();
      place = link ? link.hash : "";
      if (link || event.target.closest(".drawer-close")) dialog.close();
    });
    dialog.addEventListener("close", () => {
      if (!place) return button.focus();
      location.hash = place;
      document.getElementById(decodeURIComponent(place.slice(1)))?.scrollIntoView();
      place = "";
    });
  }
  // a button that this browser would not obey
  if (!document.fullscreenEnabled) document.querySelector(".btn-fullscreen-button")?.remove();

  // -- contents: light the last section that begins in the upper third ------------------------------------------------
  const links = [...document.querySelectorAll("#course-contents a")];
  const parts = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
  const light = () => {
    const root = document.scrollingElement;
    const ended = root.scrollTop > 0 && root.scrollTop + innerHeight > root.scrollHeight - 2;
    const aimed = parts.findIndex((part) => part && `#${part.id}` === decodeURIComponent(location.hash));
    const tops = parts.map((part) => (part ? part.getBoundingClientRect().top : Infinity));
    // where a link has just led counts as read while it stands there, even above a title that follows at once
    const limit = ended ? innerHeight : innerHeight / 3;
    const now = tops[aimed] >= 0 && tops[aimed] < limit ? aimed : tops.findLastIndex((top) => top < limit);
    links.forEach((link, i) => {
      link.classList.toggle("active", i === now);
      if (i === now) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    for (const entry of document.querySelectorAll("#course-contents .toc-entry")) {
      entry.classList.toggle("active", now >= 0 && entry.contains(links[now]));
    }
  };
  let waiting = false;
  const soon = () => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; light(); });
    waiting = true;
  };
  if (links.length) {
    for (const event of ["scroll", "resize", "hashchange", "load"]) addEventListener(event, soon, { passive: true });
    soon();
  }

  // -- tables that scroll: the theme lets the keyboard reach them, here they get a name -------------------------------
  for (const box of document.querySelectorAll(".pst-scrollable-table-container")) {
    const title = box.closest("section")?.querySelector("h1, h2, h3, h4")?.cloneNode(true);
    title?.querySelector(".headerlink")?.remove();
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", [t("Table"), title?.textContent.trim()].filter(Boolean).join(t(": ")));
  }

  // -- plots that scroll on a narrow screen: the keyboard reaches them ----------------------
  const plots = new ResizeObserver((seen) => {
    for (const { target: box } of seen) {
      const scrolls = box.scrollWidth > box.clientWidth + 1;
      if (scrolls === box.hasAttribute("tabindex")) continue;
      for (const [key, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", t("Plot")]]) {
        if (scrolls) box.setAttribute(key, value);
        else box.removeAttribute(key);
      }
    }
  });
  for (const box of document.querySelectorAll(".plot")) plots.observe(box);

  // -- progress: pages whose end was seen have a tick in the list of pages, kept in this browser only ------------------
  const PAGES = "course-read", nameOf = (address) => new URL(address, location.href).pathname.split("/").pop();
  const read = () => {
    try { return JSON.parse(localStorage.getItem(PAGES)) || []; } catch { return []; }
  };
  const tick = () => {
    for (const link of document.querySelectorAll(".bd-links a.internal")) {
      if (!read().includes(nameOf(link.href)) || link.querySelector(".tick")) continue;
      const mark = document.createElement("span");
      mark.className = "tick";
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", t("read to its end"));
      mark.textContent = "✓";
      link.append(" ", mark);
    }
  };
  const end = document.querySelector(".prev-next-footer");
  if (end) {
    tick();
    new IntersectionObserver((seen, watch) => {
      if (!seen.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      try { localStorage.setItem(PAGES, JSON.stringify([...new Set([...read(), nameOf(location.href)])])); } catch { /* a private window */ }
      tick();
    }).observe(end);
  }

  // -- a cell in pieces is copied whole, by one button ----------------------------------------------------------------
  addEventListener("load", () => {
    for (const [i, cell] of document.querySelectorAll(".cell_input > .pieces").entries()) {
      const buttons = [...cell.querySelectorAll(".copybtn")];
      const kept = buttons.find((button) => !button.closest(".folded")) ?? buttons[0];
      for (const button of buttons) if (button !== kept) button.remove();
      cell.id ||= `cell-in-pieces-${i + 1}`;
      kept?.setAttribute("data-clipboard-target", `#${cell.id}`);
    }
  });

  // -- paper: hints and solutions are open on it ----------------------------------------------------------------------
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("article details:not([open])")];
    for (const part of folded) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of folded) part.open = false; });

  // Who reads in the dark prints the light page: pale letters of code would be lost on white paper.
  const root = document.documentElement.dataset, printing = matchMedia("print");
  let dark = false;
  const paper = (now) => {
    if (now && root.theme === "dark") [dark, root.theme] = [true, "light"];
    else if (!now && dark) [dark, root.theme] = [false, "dark"];
  };
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
  printing.addEventListener("change", () => paper(printing.matches));
})();
