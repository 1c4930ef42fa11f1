// Shows a figure on a page that is not the book's: for the npm package and for notebooks (widget.py).
// An ES module, unlike the figures themselves: `script` is the address of a figure's bundle, or its text.

/** Settings as they stand in a figure's address: {kernel: 3, weights: [1, 2]} is "kernel=3&weights=1,2". */
export const query = (state) => Object.entries(state).map(([name, value]) =>
  `${name}=${[value].flat(9).map((one) => (typeof one === "boolean" ? Number(one) : one)).join(",")}`).join("&");

const loading = {};
/** Run a figure's bundle, once a page. */
const load = (figure, { address, text }) => {
  if (customElements.get(figure)) return Promise.resolve();
  return loading[figure] ||= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    if (address) Object.assign(script, { src: address, onload: resolve, onerror: () => { delete loading[figure]; reject(new Error(`${figure}: ${address} cannot be loaded`)); } });
    else script.textContent = text;
    document.head.append(script);
    if (!address) resolve();
  });
};

/** Put a figure into `element`, in place of what is there. `onchange(state)` hears of every change that its reader makes. */
export const attach = async (element, { figure, script, words, tag = "en", state = {}, onchange = () => {} }) => {
  await load(figure, script);
  const made = document.createElement(figure);
  const now = () => ({ ...made.state, ...made.held });
  made.lang = tag;
  made.setAttribute("words", JSON.stringify(words));
  made.setAttribute("settings", query(state));
  made.remember = () => onchange(now());
  element.replaceChildren(made);
  return {
    element: made,
    get state() { return now(); },
    /** Change some settings; the others stay. What the figure refuses, it says in its place. */
    set(changes) {
      made.setAttribute("settings", query({ ...now(), ...changes }));
      made.restore();
    },
    remove() { made.remove(); },
  };
};
