// The figures of the course "From Dense to Convolution" on a page of yours: mount(element, {figure}), or the element
// <course-figure figure="conv-stepper" language="zh" state="kernel=3&stride=2">.
import { attach } from "./mount.js";
import { figures, tags, words } from "./words.js";

export { figures };
export const languages = Object.keys(tags);

/** Show a figure in `element`; a promise of its handle. */
export const mount = async (element, { figure, language = "en", state = {}, onchange }) => {
  if (!figures.includes(figure)) throw new RangeError(`there is no figure ${figure}; there are ${figures.join(", ")}`);
  if (!(language in tags)) throw new RangeError(`the figures speak ${languages.join(" and ")}, not ${language}`);
  const address = new URL(`./figures/${figure}.js`, import.meta.url).href;
  return attach(element, { figure, script: { address }, words: words[language][figure], tag: tags[language], state, onchange });
};

/** Settings of an address, kernel=3&stride=2, by name. */
const read = (text) => Object.fromEntries((text || "").split("&").filter(Boolean).map((pair) => pair.split(/=(.*)/s).slice(0, 2)));

export class CourseFigure extends HTMLElement {
  static observedAttributes = ["figure", "language", "state"];
  connectedCallback() {
    this.style.display ||= "block";
    const [figure, language, state] = CourseFigure.observedAttributes.map((name) => this.getAttribute(name));
    const told = (now) => this.dispatchEvent(new CustomEvent("change", { detail: now }));
    this.ready = mount(this, { figure, language: language || "en", state: read(state), onchange: told });
    this.ready.catch((error) => { this.textContent = error.message; });
  }
  attributeChangedCallback(name, before, now) {
    if (this.ready && this.isConnected && before !== now) this.connectedCallback();
  }
}
if (!customElements.get("course-figure")) customElements.define("course-figure", CourseFigure);
