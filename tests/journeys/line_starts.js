// Lines that begin with a closing mark, or end with an opening one: [the mark, where, the beginning of its paragraph].
() => {
  const CLOSING = /[。，、；：？！”’）》」』】]/, OPENING = /[“‘（《「『【]/;
  const found = [], range = document.createRange(), styles = new Map();
  const blocky = /^(block|list-item|table-cell|flex|grid|table-caption|flow-root|table|inline-block)/;
  const isBlock = (e) => {
    if (!styles.has(e)) styles.set(e, blocky.test(getComputedStyle(e).display));
    return styles.get(e);
  };
  const blockOf = (node) => {
    let at = node.parentElement;
    while (at && (at.closest("math") || !isBlock(at))) at = at.parentElement;
    return at;
  };
  const shown = (node) => {
    range.selectNodeContents(node);
    return [...range.getClientRects()].some((box) => box.width || box.height);
  };
  const boxOf = ({ node, i, math }) => {
    if (math) return math.getBoundingClientRect();
    range.setStart(node, i);
    range.setEnd(node, i + 1);
    return [...range.getClientRects()].pop();
  };
  const walker = document.createTreeWalker(document.querySelector("article") || document.body, NodeFilter.SHOW_TEXT, (node) =>
    node.data.trim() && !node.parentElement.closest("pre, script, style, annotation") ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT);
  let before = null; // the character or formula before, and the block that holds it
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!shown(node)) continue;
    const math = node.parentElement.closest("math"), block = blockOf(node);
    for (let i = 0; i < node.data.length; i++) {
      const mark = node.data[i];
      if (/\s/.test(mark)) continue;
      const here = { mark, node, i, math, block };
      const closing = !math && CLOSING.test(mark), opening = before && !before.math && OPENING.test(before.mark);
      // where two characters stand is asked only of those that must stay together
      if ((closing || opening) && before && before.block === block && (!math || before.math !== math)) {
        const box = boxOf(here), last = boxOf(before);
        if (box.left <= last.left + 0.5 && box.bottom > last.top + 4) {
          const told = block.textContent.replace(/\s+/g, " ").trim().slice(0, 40);
          if (closing) found.push([mark, "begins a line", told]);
          if (opening) found.push([before.mark, "ends a line", told]);
        }
      }
      before = here;
    }
  }
  return found;
}
