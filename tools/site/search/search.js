// The search page: reads the query in the address, ranks the sections of searchindex.js, and shows the sentences found.
"use strict";
function courseSearch({ pages, names, words }) {
  // -- the same letters on both sides; every text keeps its length, so that a place found is a place in the original --
  const plain = (text) => text.toLowerCase().replace(/(?<=[\dk])[x*](?=[\dk])/g, "×").replace(/[\u00a0\u2009\u202f]/g, " ");
  const tidy = (query) => plain(query.normalize("NFKC").replace(/(?<=[\dk])\s*[x×*]\s*(?=[\dk])/gi, "×")).replace(/\s+/g, " ").trim();
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const HAN = /\p{Script=Han}/u;
  // a Latin word is found where it begins, a number only whole, a Chinese one anywhere
  const pattern = (word) => `${/^[\p{L}\p{N}]/u.test(word) && !HAN.test(word[0]) ? "(?<![\\p{Script=Latin}\\p{N}_])" : ""}${escaped(word).replace(/[- ]/g, "[- ]")}${/^\d+$/.test(word) ? "(?![\\d.,×])" : ""}`;

  // -- what is asked for: things of the glossary by any of their names, then words ------------------------------------
  const all = names.flatMap(({ text, all }) => all.map((name) => ({ name: tidy(name), text: text.map(tidy) })))
    .sort((a, b) => b.name.length - a.name.length);
  const FILLER = new Set("a an and are as at be by do does for from how i in is it its of on or that the to vs what when where which why with".split(" "));
  const FILLERS = new RegExp(words.fillers, "gu"); // of a language without spaces
  const said = pages.map(({ sections, called, weight }) => ({ chapter: weight === 1,
    text: plain([called, ...sections.flatMap(({ title, text, code }) => [title, ...text, ...code])].join("\n")) }));
  const pagesWith = (test, chapters = true) => said.filter(({ chapter, text }) => (chapter || !chapters) && text.match(test)).length;
  const any = (texts) => new RegExp(texts.map(pattern).join("|"), "gu");
  /** A word is found where one begins with it; one with an ending also with another ending, and with no other word's rest. */
  const ENDING = "(?:e|es|ed|ers?|ings?|ional|ions?|ors?|s)";
  const forms = (word) => {
    const stem = word.replace(new RegExp(`(?<=[a-z]{4})${ENDING}$`), "");
    return new RegExp(stem === word ? pattern(word) : `${pattern(word)}|${pattern(stem)}${ENDING}?(?!\\p{Script=Latin})`, "gu");
  };
  /** A Chinese run in pieces that the book has, rather short ones of several pages than a long one of a single page. */
  const pieces = (run) => {
    for (const [least, chapters] of [[2, true], [1, true], [1, false]]) {
      for (let length = run.length; length > 1; length--) {
        for (let i = 0; i + length <= run.length; i++) {
          const piece = run.slice(i, i + length);
          if (pagesWith(any([piece]), chapters) >= least) return [...pieces(run.slice(0, i)), piece, ...pieces(run.slice(i + length))];
        }
      }
    }
    return [];
  };
  const asked = (query) => {
    const found = [];
    const add = (name, test) => { if (!found.some((other) => other.name === name)) found.push({ name, test }); };
    let rest = query;
    for (const { name, text } of all) {
      const place = new RegExp(HAN.test(name) ? escaped(name) : `${pattern(name)}s?(?![\\p{Script=Latin}\\p{N}_])`, "gu");
      if (!place.test(rest)) continue;
      const test = [...new Set([name, ...text])];
      if (!HAN.test(name) && name.includes(" ") && !pagesWith(any(test))) continue; // the chapters say it in other words
      rest = rest.replace(place, " ");
      add(name, any(test));
    }
    for (const run of rest.match(/\p{Script=Han}+|[^\s\p{Script=Han}，。、；：？！,;:?!"“”()（）]+/gu) || []) {
      if (HAN.test(run)) {
        for (const part of run.replace(FILLERS, " ").split(" ")) {
          for (const piece of part.length === 1 ? [part] : pieces(part)) add(piece, any([piece]));
        }
        continue;
      }
      const word = run.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
      if (word && !FILLER.has(word)) add(word, forms(word));
    }
    return found;
  };

  // -- how well a section answers -------------------------------------------------------------------------------------
  const count = (test, text) => (text.match(test) || []).length;
  const worth = (tests, section, page) => {
    const own = section === page.sections[0] && page.called ? `${section.title} ${page.called}` : section.title;
    const title = plain(own), bold = plain(section.bold), text = plain(section.text.join("\n")), code = plain(section.code.join("\n"));
    return tests.map(({ test }) => {
      const told = (title.match(test) || []).join("").length / Math.max(1, title.length); // how much of the title it is
      return (told ? 10 + 20 * told : 0) + 8 * Math.min(2, count(test, bold)) + 2 * Math.sqrt(count(test, text)) + Math.min(1, count(test, code));
    });
  };
  const rank = (query) => {
    const tests = asked(query);
    if (!tests.length) return { tests, hits: [] };
    const whole = new RegExp(pattern(query), "gu");
    const hits = pages.map((page) => {
      const parts = page.sections.map((section) => ({ section, worths: worth(tests, section, page) }));
      const total = tests.map((_, i) => parts.reduce((sum, { worths }) => sum + worths[i], 0));
      for (const part of parts) {
        const { section, worths } = part;
        part.has = worths.filter(Boolean).length;
        const literal = count(whole, plain(section.title)) ? 10 : count(whole, plain(section.text.join("\n"))) ? 4 : 0;
        part.score = worths.reduce((sum, one) => sum + one, 0) * (part.has / tests.length) ** 2 + (tests.length > 1 ? 3 * literal : 0);
      }
      parts.sort((a, b) => b.score - a.score);
      const has = total.filter(Boolean).length;
      const score = page.weight * (parts[0].score + 6 * Math.sqrt(total.reduce((sum, one) => sum + one, 0)) * (parts[0].has / tests.length));
      return { page, parts: parts.filter(({ score }, i) => score > 0.4 * parts[0].score && i < 3), has, score };
    }).filter(({ has, score }) => has && score > 0);
    const most = Math.max(0, ...hits.map(({ has }) => has));
    return { tests, partly: most < tests.length, hits: hits.filter(({ has }) => has === most).sort((a, b) => b.score - a.score) };
  };

  // -- what is shown --------------------------------------------------------------------------------------------------
  const element = (tag, attributes, ...inside) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...inside);
    return made;
  };
  /** The text with what was asked for marked in it. */
  const marked = (text, tests) => {
    const low = plain(text), pieces = [];
    const places = tests.flatMap(({ test }) => [...low.matchAll(test)].map((match) => [match.index, match.index + match[0].length]));
    let at = 0;
    for (const [from, to] of places.sort((a, b) => a[0] - b[0] || b[1] - a[1])) {
      if (from < at) continue;
      pieces.push(text.slice(at, from), element("mark", {}, text.slice(from, to)));
      at = to;
    }
    return [...pieces, text.slice(at)];
  };
  /** The sentence that holds most of what was asked for, else a line of code, else how the section begins. */
  const excerpt = ({ text, code }, tests) => {
    const best = (lines) => lines.map((line) => [tests.filter(({ test }) => count(test, plain(line))).length, line])
      .reduce((a, b) => (b[0] > a[0] ? b : a), [0, ""]);
    const [told, sentence] = best(text);
    const [run, line] = best(code);
    if (told >= run && told) return ["p", sentence];
    return run ? ["code", line] : ["p", text[0] || ""];
  };
  const item = ({ section, page }, tests, before) => {
    const [tag, shown] = excerpt(section, tests);
    const title = section.number ? `${section.number}. ${section.title}` : section.title;
    const link = element("a", { href: page.page + (section === page.sections[0] ? "" : `#${section.anchor}`) }, before, title);
    return [link, shown ? element("p", { className: "context" }, tag === "code" ? element("code", {}, ...marked(shown, tests)) : element("span", {}, ...marked(shown, tests))) : ""];
  };
  const show = (query) => {
    const out = document.getElementById("search-results");
    const { tests, hits, partly } = rank(tidy(query));
    const fill = (text) => text.replace("{query}", () => query).replace("{pages}", hits.length);
    const told = element("p", { className: "search-summary", role: "status" });
    if (hits.length) told.append(fill(partly ? words.partly : hits.length > 1 ? words.found : words.found_one));
    else told.append(fill(words.none), element("a", { href: out.dataset.glossary }, words.glossary), words.end);
    const list = element("ul", { className: "search" }, ...hits.map(({ page, parts }) => {
      const [first, ...others] = parts;
      const name = page.sections[0].title;
      const before = first.section === page.sections[0] ? "" : element("span", { className: "of" }, `${name} › `);
      return element("li", {}, ...item({ section: first.section, page }, tests, before),
        ...(others.length ? [element("ul", {}, ...others.map(({ section }) => element("li", {}, ...item({ section, page }, tests, ""))))] : []));
    }));
    out.replaceChildren(told, list);
  };

  const query = (new URLSearchParams(location.search).get("q") || "").trim();
  const field = document.querySelector(".bd-search-container input[name=q]");
  for (const input of document.querySelectorAll("input[name=q]")) input.value = query;
  if (query) show(query);
  else field.focus();
}
