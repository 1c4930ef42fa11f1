// How each element with text of its own stands out against what is painted behind it, which are the grounds of what it
// lies in: [element, ratio, the least that WCAG asks]. The ratio is null where a ground is a picture; a gradient is but
// the shade at the edge of what scrolls. A link in a text stands out against the text as well, unless it has a line.
() => {
  const inside = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? inside(e.shadowRoot) : [])]);
  const parent = (e) => e.assignedSlot || e.parentElement || e.getRootNode().host;
  // what stands beside the box that it was placed from, such as a number above a bar, lies on what that box lies on
  const around = (e) => {
    let box = parent(e);
    if (getComputedStyle(e).position !== "absolute") return box;
    const { left, right, top, bottom } = e.getBoundingClientRect(), x = (left + right) / 2, y = (top + bottom) / 2;
    for (let b; box && ((b = box.getBoundingClientRect()), x < b.left || x > b.right || y < b.top || y > b.bottom);) box = parent(box);
    return box;
  };
  const parsed = new Map();
  const colour = (text) => {
    if (!parsed.has(text)) {
      const [r, g, b, a = 1] = text.replace(/^color\(srgb/, "").match(/[\d.e-]+/g).map(Number);
      parsed.set(text, [...(text.startsWith("color(") ? [r, g, b].map((c) => 255 * c) : [r, g, b]), a]);
    }
    return parsed.get(text);
  };
  const over = ([r, g, b, a], below, share = 1) => [r, g, b].map((c, i) => c * a * share + below[i] * (1 - a * share));
  const grounds = new Map([[undefined, { paint: [255, 255, 255], share: 1 }], [null, { paint: [255, 255, 255], share: 1 }]]);
  const ground = (e) => {
    if (!grounds.has(e)) {
      const style = getComputedStyle(e), below = ground(around(e)), share = below.share * style.opacity;
      const own = colour(style.backgroundColor), whole = own[3] * share === 1;
      const drawn = !style.backgroundImage.includes("url(") && (below.paint || whole);
      grounds.set(e, { paint: drawn ? over(own, below.paint || [0, 0, 0], share) : null, share });
    }
    return grounds.get(e);
  };
  const light = (paint) => paint.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const says = (e) => e.matches("input[type=text], input[type=search], input[type=number]")
    || [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
  const ink = (e) => over(colour(getComputedStyle(e).color), ground(e).paint, ground(e).share);
  const found = [];
  for (const e of inside(document.body)) {
    if (!says(e) || !e.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(e), { paint } = ground(e), size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    found.push([e, paint && ratio(ink(e), paint), least]);
    const text = e.tagName === "A" && e.parentElement;
    if (text && says(text) && ground(text).paint && style.textDecorationLine === "none" && style.borderBottomStyle === "none") {
      found.push([e, ratio(ink(e), ink(text)), 3]);
    }
  }
  return found;
}
