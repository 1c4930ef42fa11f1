// A matrix as a table, its cells tinted by value.
(() => {
  "use strict";
  const { h, number } = CourseFigures;

  /** How strongly a cell is coloured, as a class: blue above 0, orange below. */
  const tint = (value, largest) => {
    const part = largest > 0 && Number.isFinite(value) ? Math.round(36 * Math.min(1, Math.abs(value) / largest)) : 0;
    return part ? ` ${value < 0 ? "b" : "a"}${part}` : "";
  };

  /**
   * A matrix as a table with a caption. rows: arrays of numbers or of pieces; `cell(i, j, value)` returns
   * attributes for a cell, such as { class: "window" }; `show(value)` its text; `pick(i, j)` is called at a click.
   */
  const matrix = (caption, rows, { cell = () => ({}), show = number, tinted = true, name = "", pick } = {}) => {
    const largest = tinted ? Math.max(0, ...rows.flat().filter(Number.isFinite).map(Math.abs)) : 0;
    const onclick = pick && (({ target }) => { const at = target.closest("td"); if (at) pick(at.parentNode.rowIndex, at.cellIndex); });
    return h("table", { class: `matrix ${name}`, style: `--cols:${rows[0].length}`, onclick },
      h("caption", {}, caption),
      h("tbody", {}, rows.map((row, i) => h("tr", {}, row.map((value, j) => {
        const own = cell(i, j, value);
        return h("td", { ...own, class: (own.class || "") + tint(value, largest) }, value.name ? value : show(value));
      })))));
  };

  // Registered, a new number of columns does not reach the style of every cell, and a side that stays the same none.
  for (const [name, syntax, inherits, initialValue] of [["--cols", "*", false], ["--all", "*", false], ["--cell", "<length>", true, "0px"], ["--side", "<length>", true, "0px"]]) {
    try { CSS.registerProperty({ name, syntax, inherits, ...(initialValue && { initialValue }) }); } catch { /* it is, by another figure's script */ }
  }

  Object.assign(CourseFigures, { matrix });
  CourseFigures.style += `
    table.matrix {
      --side: min(var(--cell), calc((100cqw - 4px) / var(--cols)));
      border-collapse: collapse; font-variant-numeric: tabular-nums; touch-action: manipulation;
      table-layout: fixed; width: calc(var(--side) * var(--cols)); font-size: min(.95rem, calc(var(--side) * .42)); line-height: 1; text-align: center;
    }
    .matrix tr { height: var(--side); }
    .matrix caption { caption-side: top; color: var(--soft); font-size: .85rem; padding: 0 0 .3rem; line-height: 1.45; white-space: nowrap; }
    .matrix td { padding: 0; border: 1px solid var(--edge); vertical-align: top; line-height: calc(var(--side) - 1px); white-space: nowrap; }
    .matrix td.frame { border-style: dashed; border-color: var(--rule); color: var(--soft); }
    .matrix td.unread { background-image: repeating-linear-gradient(135deg, transparent 0 .3rem, color-mix(in srgb, var(--ink) 32%, transparent) .3rem .36rem); }
    .matrix td.hot { font-weight: 700; }
    .matrix td.window { background-image: linear-gradient(var(--veil) 0 0); box-shadow: inset var(--left, 0) var(--top, 0) var(--mark), inset var(--right, 0) var(--bottom, 0) var(--mark); }
    .matrix td.hot { outline: 3px solid var(--mark); outline-offset: -2px; }
    .top { --top: 3px; } .bottom { --bottom: -3px; } .left { --left: 3px; } .right { --right: -3px; }
    .matrix input { width: 100%; height: 100%; border: 0; padding: 0; text-align: center; font: inherit; color: inherit; background: transparent; }
    ${Array.from({ length: 36 }, (_, i) => `.a${i + 1} { background-color: color-mix(in srgb, var(--above) ${i + 1}%, transparent); }
    .b${i + 1} { background-color: color-mix(in srgb, var(--below) ${i + 1}%, transparent); }`).join("")}
    @media (forced-colors: active) {
      .matrix td.hot, .matrix td.window { outline: 2px solid Highlight; outline-offset: -3px; }
      .matrix td.hot { outline-width: 4px; }
      .matrix td.unread { border-style: dotted; color: GrayText; text-decoration: line-through; }
    }
  `;
})();
