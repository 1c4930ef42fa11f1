// Reads a page in steps and by its contents' links; returns the sections that were not lit when they were read.
async () => {
  const links = [...document.querySelectorAll("#course-contents a")], seen = new Set(), root = document.scrollingElement;
  const frames = (n) => new Promise((done) => { const tick = () => (n-- ? requestAnimationFrame(tick) : done()); tick(); });
  const lit = () => links.filter((link) => link.getAttribute("aria-current"));
  for (let y = 0; y <= root.scrollHeight; y += 200) {
    scrollTo({top: y, behavior: "instant"});
    await frames(2);
    if (lit().length > 1) return ["two at once"];
    lit().forEach((link) => seen.add(link));
  }
  // a title right above the next one may be passed in one step
  const parts = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))).getBoundingClientRect().top);
  const wrong = links.filter((link, i) => !seen.has(link) && !(parts[i + 1] - parts[i] < 200)).map((link) => link.textContent);
  for (const link of links) {
    link.click();
    document.getElementById(decodeURIComponent(link.hash.slice(1))).scrollIntoView({behavior: "instant"});
    await frames(3);
    if (lit()[0] !== link) wrong.push(`jump to ${link.textContent}: ${lit()[0]?.textContent}`);
  }
  return wrong;
}
