// A matrix as a table, its cells tinted by value; what is dragged over it.
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
   * attributes for a cell, such as { class: "window", "data-link": "t0" }; `show(value)` its text. `pick(i, j)` is called
   * at a click, `over(i, j)` when a mouse comes to a cell and `over()` when it leaves the table.
   */
  const matrix = (caption, rows, { cell = () => ({}), show = number, tinted = true, name = "", pick, over, most, ...more } = {}) => {
    const largest = tinted ? most || Math.max(0, ...rows.flat().filter(Number.isFinite).map(Math.abs)) : 0;
    const at = (call) => ({ target, pointerType }) => {
      const found = pointerType !== "touch" && target.closest("td");
      if (found) call(found.parentNode.rowIndex, found.cellIndex);
    };
    let long = 1;
    const body = h("tbody", {}, rows.map((row, i) => h("tr", {}, row.map((value, j) => {
      const own = cell(i, j, value), text = value.name ? value : show(value);
      if (!value.name) long = Math.max(long, `${text}`.length - /[.,]/.test(text) / 2);
      return h("td", { ...own, class: (own.class || "") + tint(value, largest) }, text);
    }))));
    return h("table", {
      class: `matrix ${name}${pick ? " picks" : ""}`, style: `--cols:${rows[0].length};--long:${long}`, ...more,
      onclick: pick && (({ target }) => { const td = target.closest("td"); if (td) pick(td.parentNode.rowIndex, td.cellIndex); }),
      onpointerover: over && at(over), onpointerleave: over && (() => over()),
    }, caption && h("caption", {}, caption), body);
  };
  /** A variable with its indices, such as W with 1,2 below. */
  const indexed = (letter, ...at) => [letter, h("sub", {}, at.join(","))];
  /** Rows of numbers from a plane of a tensor. */
  const rowsOf = ({ shape, data }, from = 0, height = shape.at(-2), width = shape.at(-1)) =>
    Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_, j) => data[from + i * width + j]));
  /** The classes of a cell (a, b) inside a frame of height by width cells, or nothing outside. */
  const framed = (a, b, height, width = height) => (a < 0 || b < 0 || a >= height || b >= width ? ""
    : ["window", !a && "top", a === height - 1 && "bottom", !b && "left", b === width - 1 && "right"].filter(Boolean).join(" "));

  /** Follow the pointer from a press until it is let go: `pull(event)` at every move. */
  const drag = (event, pull) => {
    event.preventDefault();
    const drop = () => each((type, handler) => removeEventListener(type, handler));
    const each = (call) => [["pointermove", pull], ["pointerup", drop], ["pointercancel", drop]].forEach((pair) => call(...pair));
    each((type, handler) => addEventListener(type, handler));
  };

  // Registered, a new number of columns does not reach the style of every cell, and a side that stays the same none.
  for (const [name, syntax, inherits, initialValue] of [["--cols", "*", false], ["--all", "*", false], ["--long", "*", false], ["--cell", "<length>", true, "0px"], ["--side", "<length>", true, "0px"]]) {
    try { CSS.registerProperty({ name, syntax, inherits, ...(initialValue && { initialValue }) }); } catch { /* it is, by another figure's script */ }
  }

  CourseFigures.style += `
    table.matrix {
      --side: min(var(--cell), calc((100cqw - 4px) / var(--cols)));
      border-collapse: collapse; touch-action: manipulation;
      table-layout: fixed; width: calc(var(--side) * var(--cols)); font-size: min(.95rem, calc(var(--side) * .6), calc(var(--side) / (var(--long) * .6 + .3))); line-height: 1; text-align: center;
    }
    .matrix tr { height: var(--side); }
    .matrix caption { color: var(--soft); font-size: .85rem; padding: 0 0 .3rem; line-height: 1.45; white-space: nowrap; }
    .matrix td { padding: 0; border: 1px solid var(--edge); vertical-align: top; line-height: calc(var(--side) - 1px); white-space: nowrap; }
    .matrix td.frame { border-style: dashed; border-color: var(--rule); color: var(--soft); }
    .matrix td.unread { background-image: repeating-linear-gradient(135deg, transparent 0 .3rem, color-mix(in srgb, var(--ink) 32%, transparent) .3rem .36rem); }
    .matrix td.window { box-shadow: inset var(--left, 0) var(--top, 0) var(--mark), inset var(--right, 0) var(--bottom, 0) var(--mark); }
    .matrix td.hot { font-weight: 700; outline: 3px solid var(--mark); outline-offset: -2px; }
    .top { --top: 3px; } .bottom { --bottom: -3px; } .left { --left: 3px; } .right { --right: -3px; }
    .matrix.picks td { cursor: pointer; }
    .matrix sub { font-size: .75em; line-height: 0; }
    .matrix input { width: 100%; height: 100%; border: 0; padding: 0; text-align: center; font: inherit; color: inherit; background: transparent; }
    ${Array.from({ length: 36 }, (_, i) => `.a${i + 1} { background-color: color-mix(in srgb, var(--above) ${i + 1}%, transparent); }
    .b${i + 1} { background-color: color-mix(in srgb, var(--below) ${i + 1}%, transparent); }`).join("")}
    @media (forced-colors: active) {
      .matrix td.hot, .matrix td.window { outline: 2px solid Highlight; outline-offset: -3px; }
      .matrix td.hot { outline-width: 4px; }
      .matrix td.unread { border-style: dotted; color: GrayText; text-decoration: line-through; }
    }
  `;
  Object.assign(CourseFigures, { drag, framed, indexed, matrix, rowsOf, tint });
})();
