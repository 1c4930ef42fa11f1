// Lines that begin with a closing mark, or end with an opening one: [the mark, where, the beginning of its paragraph].
() => {
  const CLOSING = /[。，、；：？！”’）》」』】]/, OPENING = /[“‘（《「『【]/;
  const found = [], range = document.createRange();
  const blocky = /^(block|list-item|table-cell|flex|grid|table-caption|flow-root|table|inline-block)/;
  const blockOf = (node) => {
    let at = node.parentElement;
    while (at && (at.closest("math") || !blocky.test(getComputedStyle(at).display))) at = at.parentElement;
    return at;
  };
  const walker = document.createTreeWalker(document.querySelector("article") || document.body, NodeFilter.SHOW_TEXT, (node) =>
    node.data.trim() && !node.parentElement.closest("pre, script, style, annotation") ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT);
  let before = null; // the character or formula before, and the block that holds it
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const math = node.parentElement.closest("math"), block = blockOf(node);
    for (let i = 0; i < node.data.length; i++) {
      const mark = node.data[i];
      if (/\s/.test(mark)) continue;
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const box = math ? math.getBoundingClientRect() : [...range.getClientRects()].pop();
      if (!box || !(box.width || box.height)) continue;
      if (before && before.block === block && (!math || before.math !== math) && box.left <= before.left + 0.5 && box.bottom > before.top + 4) {
        const told = block.textContent.replace(/\s+/g, " ").trim().slice(0, 40);
        if (!math && CLOSING.test(mark)) found.push([mark, "begins a line", told]);
        if (!before.math && OPENING.test(before.mark)) found.push([before.mark, "ends a line", told]);
      }
      before = { mark, block, math, left: box.left, top: box.top };
    }
  }
  return found;
}
