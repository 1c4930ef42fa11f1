// Presses every button that can be seen, those in a menu or a drawer that opens included; returns what did nothing.
// What stands in the text and in figures is pressed if `everywhere`.
async (everywhere) => {
  const BUTTONS = "button, summary, [role=button], input[type=checkbox], input[type=radio], .btn[onclick]";
  const NOISE = /^(?:aria-describedby|title|data-bs-original-title)$/; // of tooltips
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const seen = (e) => e.getClientRects().length && e.checkVisibility({ visibilityProperty: true, opacityProperty: false });
  const name = (e) => `${e.className || e.tagName} ${(e.getAttribute("aria-label") || e.textContent).trim().slice(0, 40)}`;
  const rest = (ms) => new Promise((done) => setTimeout(done, ms));
  const hit = (e) => {
    const box = e.getBoundingClientRect(), place = [box.left + box.width / 2, box.top + box.height / 2];
    let top = document.elementFromPoint(...place);
    while (top?.shadowRoot) { const inner = top.shadowRoot.elementFromPoint(...place); if (!inner || inner === top) break; top = inner; }
    return top && (e.contains(top) || top.contains(e) || top.closest("label")?.control === e);
  };
  const state = () => [called, location.href, scrollY, document.querySelectorAll(":checked").length, document.activeElement.name || ""];
  const roots = [document, ...all(document).map((e) => e.shadowRoot).filter(Boolean)];
  const changes = async (press) => {
    const observer = new MutationObserver(() => {});
    for (const root of roots) {
      observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    }
    const before = state();
    press();
    for (const ms of [0, 30, 300, 600]) {
      if (ms) await rest(ms);
      const real = observer.takeRecords().filter(({ target, attributeName, addedNodes, removedNodes }) => !NOISE.test(attributeName || "")
        && !(target.closest?.(".tooltip")) && ![...addedNodes, ...removedNodes].some((n) => n.classList?.contains("tooltip")));
      const now = state();
      if (real.length || `${now}` !== `${before}`) { observer.disconnect(); return true; }
    }
    observer.disconnect();
    return false;
  };
  const done = new WeakSet(), idle = [], dead = [];
  for (;;) {
    const open = document.querySelector("dialog[open]") || document.querySelector(".dropdown-menu.show");
    const e = (open ? [open] : roots).flatMap((root) => [...root.querySelectorAll(BUTTONS)]).find((one) =>
      !done.has(one) && (everywhere || !(one.getRootNode() !== document || one.closest("article"))) && seen(one));
    if (!e) {
      if (!open) break;
      if (open.tagName === "DIALOG") open.close();
      else document.body.click();
      await rest(20);
      continue;
    }
    done.add(e);
    if (e.disabled) { dead.push(`disabled: ${name(e)}`); continue; }
    if (e.type === "radio" && e.checked) continue;
    e.scrollIntoView({ block: "center", behavior: "instant" });
    if (e.closest("details:not([open])") === null) {
      // what slides or scrolls gets its time, and may take the button along
      for (let i = 0; i < 20 && !hit(e) && seen(e); i++) {
        await rest(100);
        e.scrollIntoView({ block: "center", behavior: "instant" });
      }
      if (!seen(e)) continue;
      if (!hit(e)) dead.push(`covered: ${name(e)}`);
    }
    if (!(await changes(() => e.click()))) idle.push(e);
  }
  // a button that takes something back has work now that others were pressed
  for (const e of idle) {
    const host = e.getRootNode().host;
    const slider = host?.shadowRoot.querySelector("input[type=range]");
    if (slider) { slider.value = slider.value === slider.max ? slider.min : slider.max; slider.dispatchEvent(new Event("input", { bubbles: true })); }
    if (!seen(e) || !(await changes(() => e.click()))) dead.push(`nothing happens: ${name(e)}`);
  }
  return dead;
}
