// What the page holds for the keyboard, and how each looks without it; then a note of what is reached and how it looks.
() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const seen = (e) => e.getClientRects().length && e.checkVisibility({ visibilityProperty: true }) && !e.closest("[inert]");
  const name = (e) => `${e.tagName.toLowerCase()}.${e.className} ${(e.getAttribute("aria-label") || e.textContent).trim().slice(0, 40)}`;
  const frame = (e) => { const s = getComputedStyle(e);
    return [s.outlineStyle === "none" ? 0 : parseFloat(s.outlineWidth), s.outlineStyle === "none" ? "" : s.outlineColor, s.boxShadow]; };
  const look = (e) => [e, e.closest("form")].filter(Boolean).map(frame).flat().join("|");
  const controls = all(document).filter((e) => e.tabIndex >= 0 && !e.disabled && seen(e)
    && !(e.type === "radio" && e.name && !e.checked && document.querySelector(`input[type=radio][name="${CSS.escape(e.name)}"]`) !== e));
  const bare = new Map(controls.map((e) => [e, look(e)]));
  // the keyboard can only move what scrolls if it, or something in it, takes the focus
  const scrollers = all(document).filter((e) => /auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1 && seen(e));
  window.walk?.ended.abort();
  window.walk = {
    ended: new AbortController(), pressed: 0,
    reached: new Set(), unseen: new Set(), controls: controls.length,
    missed: () => controls.filter((e) => seen(e) && !walk.reached.has(e)).map(name),
    hidden: () => [...walk.unseen].map(name),
    stuck: scrollers.filter((e) => !(e.hasAttribute("tabindex") && e.tabIndex >= 0) && !all(e).some((inner) => inner.hasAttribute("tabindex") && inner.tabIndex >= 0)).map(name),
    nameless: scrollers.filter((e) => e.querySelector(":scope > table") && !e.getAttribute("aria-label")?.trim()).map(name),
  };
  const focused = (event) => {
    const e = event.composedPath()[0];
    walk.reached.add(e);
    if (e.tabIndex >= 0 && look(e) === (bare.get(e) ?? "")) walk.unseen.add(e);
    if (parseFloat(getComputedStyle(e).opacity) < 0.1) walk.unseen.add(e);
  };
  // within a figure the focus moves without the page being told
  for (const root of [window, ...all(document).map((e) => e.shadowRoot).filter(Boolean)]) {
    root.addEventListener("focusin", focused, { signal: walk.ended.signal });
  }
  addEventListener("keydown", () => { walk.pressed++; }, { signal: walk.ended.signal, capture: true });
  return controls.length;
}
