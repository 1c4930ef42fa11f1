// Live code, tools/site/live.py: on the reader's word this page's cells become editors, run by a Jupyter server.
// Nothing is loaded before that, and nothing runs by itself: a cell keeps its printed output until it is run.
(() => {
  "use strict";
  const settings = JSON.parse(document.currentScript.dataset.live);
  const here = new URL(".", document.currentScript.src);
  // beside this site, or elsewhere; from a disk a browser takes no file whose sum must be right
  const thebe = new URL(location.protocol === "file:" ? settings.public : settings.thebe, new URL("..", here)).href;
  /** A sentence in the page's language; the English stands here, the others come with the settings. */
  const t = (sentence, values = {}) => (settings.words[sentence] ?? sentence).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
  const PATIENCE = { server: 60e3, binder: 15 * 60e3 };
  class Failure extends Error {}

  const make = (tag, attributes = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  };
  const button = (text, act, label) => {
    const made = make("button", { type: "button", textContent: text, onclick: act });
    if (label) made.setAttribute("aria-label", label);
    return made;
  };
  const within = (promise, time, message) => {
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Failure(message)), time); });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  };

  // -- the status line ------------------------------------------------------------------------------------------

  let bar, line, buttons;
  function showBar() {
    if (bar) return;
    document.head.append(make("link", { rel: "stylesheet", href: new URL("live.css", here).href }));
    line = make("p", { className: "live-status" });
    line.setAttribute("role", "status");
    buttons = make("div", { className: "live-buttons" });
    bar = make("section", { className: "live-bar" }, line, buttons);
    bar.setAttribute("aria-label", t("Run live"));
    document.body.append(bar);
    document.documentElement.classList.add("live-open");
  }
  function say(text, state, ...actions) {
    bar.dataset.state = state;
    setTimeout(() => { line.textContent = text; }); // after the region is in the page, or a screen reader stays silent
    if (actions.length || state !== "busy") buttons.replaceChildren(...actions.map(([name, act]) => button(name, act)));
  }
  function hideBar() {
    bar.remove();
    bar = undefined;
    document.documentElement.classList.remove("live-open");
    document.querySelector(".dropdown-launch-buttons > button")?.focus();
  }

  // -- the server -----------------------------------------------------------------------------------------------

  function chosenServer() {
    const asked = new URLSearchParams(location.search).get("jupyter");
    if (!asked) return settings.server;
    let url;
    try { url = new URL(asked); } catch { throw new Failure(t("jupyter= in the address takes a server on this machine only (http://localhost or http://127.0.0.1), not {url}.", { url: asked })); }
    if (!["http:", "https:"].includes(url.protocol) || !LOOPBACK.includes(url.hostname)) {
      throw new Failure(t("jupyter= in the address takes a server on this machine only (http://localhost or http://127.0.0.1), not {url}.", { url: asked }));
    }
    const base = url.origin + url.pathname.replace(/\/(lab|tree)?\/?$/, "") + "/";
    const token = url.searchParams.get("token") ?? new URLSearchParams(location.search).get("token") ?? "";
    return { url: base, token, ws: base.replace(/^http/, "ws") };
  }

  async function check(server) {
    const url = new URL(server.url);
    if (location.protocol === "https:" && url.protocol === "http:" && !LOOPBACK.includes(url.hostname)) {
      throw new Failure(t("This page uses https, and a browser does not let it reach the http server {url}; give the server https.", { url: server.url }));
    }
    const headers = server.token ? { Authorization: `token ${server.token}` } : {};
    let answer;
    try {
      answer = await within(fetch(new URL("api/status", url), { headers, cache: "no-store" }), PATIENCE.server, t("it took too long"));
    } catch {
      throw new Failure(t("The Jupyter server {url} cannot be reached: it is not running, the address is wrong, it does not allow this site (allow_origin), or the browser was not permitted to reach this machine.", { url: server.url }));
    }
    if ([401, 403].includes(answer.status)) throw new Failure(t("The Jupyter server {url} refused the token.", { url: server.url }));
    const status = answer.ok ? await answer.json().catch(() => null) : null;
    if (!status || !("kernels" in status)) throw new Failure(t("{url} answers, but it is no Jupyter server.", { url: server.url }));
  }

  // -- Thebe ----------------------------------------------------------------------------------------------------

  let loaded;
  function loadThebe() {
    loaded ??= (async () => {
      const address = (name) => thebe + name;
      const style = await fetch(address("thebe.css"), { integrity: settings.integrity["thebe.css"] });
      if (!style.ok) throw new Error(String(style.status));
      // in a layer, so that none of its rules wins over one of the page's
      document.head.append(make("style", { textContent: `@layer thebe {\n${await style.text()}\n}` }));
      await new Promise((resolve, reject) => {
        document.head.append(make("script", {
          src: address("index.js"),
          integrity: settings.integrity["index.js"],
          crossOrigin: "anonymous",
          onload: resolve,
          onerror: reject,
        }));
      });
    })().catch(() => {
      loaded = undefined; // so that the reader can try again
      throw new Failure(t("Thebe could not be loaded from {host}: no network, a blocked address, or a file that is not the pinned version.", { host: new URL(thebe).host }));
    });
    return loaded;
  }

  let live;
  async function connect(server) {
    const core = window.thebeCore.module;
    const events = new core.ThebeEvents();
    const path = `${settings.folder}/live-${crypto.getRandomValues(new Uint32Array(2)).join("")}.ipynb`; // a kernel of one's own
    const { binder } = settings;
    const config = core.makeConfiguration({
      mathjaxUrl: "",
      kernelOptions: { path, kernelName: "python3" },
      ...(server
        ? { serverSettings: { baseUrl: server.url, wsUrl: server.ws, token: server.token, appendToken: true } }
        : { binderOptions: { binderUrl: binder.url, repo: binder.repo, ref: binder.ref, repoProvider: binder.provider } }),
    }, events);
    const rendermime = core.makeRenderMimeRegistry(config.mathjax);
    const made = new core.ThebeServer(config);
    const where = server ? server.url : new URL(binder.url).host;
    const lost = (why) => new Failure(server ? t("The Jupyter server {url} cannot be reached: it is not running, the address is wrong, it does not allow this site (allow_origin), or the browser was not permitted to reach this machine.", { url: where }) : t("Binder ({host}) gave no server: {why}", { host: where, why }));
    const broken = new Promise((_, reject) => {
      events.on("error", (_, { subject, message }) => { if (subject === "server") reject(lost(message)); });
    });
    broken.catch(() => {});
    const opened = (server ? made.connectToJupyterServer() : made.connectToServerViaBinder());
    const reached = Promise.race([broken, Promise.all([opened, made.ready])]).catch((problem) => {
      if (problem instanceof Failure && server) throw problem;
      const said = String(problem?.message ?? problem);
      throw lost(/Lost connection/.test(said) ? t("the connection was lost") : said.replace(/^.*Binder \([^)]*\)[^:：]*[:：]\s*/, ""));
    });
    await within(reached, server ? PATIENCE.server : PATIENCE.binder, lost(t("it took too long")).message);
    say(t("Starting: waiting for the Python kernel …"), "busy");
    try {
      const session = await within(made.startNewSession(rendermime), PATIENCE.server, t("it took too long"));
      await within(session.kernel.info, PATIENCE.server, t("it took too long"));
      return { config, rendermime, server: made, session, events };
    } catch (problem) {
      throw new Failure(t("the server started no Python kernel: {why}", { why: problem.message }));
    }
  }

  // -- the cells ------------------------------------------------------------------------------------------------

  function open(connection) {
    document.dispatchEvent(new Event("course-live")); // results that wait for a guess (predict.js) open
    const found = [...document.querySelectorAll("article .cell")].flatMap((cell) => {
      const source = [...cell.querySelectorAll(".cell_input > *")].find((part) => part.querySelector(".highlight"));
      return source ? [{ cell, source, printed: cell.querySelector(":scope > .cell_output, :scope > details .cell_output") }] : [];
    });
    const blocks = found.map(({ source }, i) => ({ id: `live${i + 1}`, source: [...source.querySelectorAll("pre")].map((part) => part.textContent.trimEnd()).join("\n") }));
    const notebook = window.thebeCore.api.setupNotebookFromBlocks(blocks, connection.config, connection.rendermime);
    const items = found.map(({ cell, source, printed }, i) => {
      const output = make("div", { className: "live-output" });
      output.setAttribute("role", "region");
      output.setAttribute("aria-label", t("New output of cell {n}", { n: i + 1 }));
      if (printed) printed.after(output); else cell.append(output);
      return { id: blocks[i].id, placeholders: { source, output } };
    });
    const plain = { mountRunButton: false, mountRunAllButton: false, mountRestartButton: false, mountRestartAllButton: false };
    const look = { lineNumbers: false, indentUnit: 4, viewportMargin: Infinity };
    window.thebe.renderAllCells({ ...plain, codeMirrorConfig: look }, notebook, items);
    notebook.attachSession(connection.session);
    const cells = items.map(({ id, placeholders }, i) => {
      const box = document.querySelector(`[data-thebe-id="${id}"]`);
      const number = i + 1;
      const editor = box.querySelector(".CodeMirror").CodeMirror;
      const controls = box.querySelector(".thebe-controls");
      const one = button(t("Run"), () => run([i]), t("{what}: cell {n}", { what: t("Run"), n: number }));
      const all = button(t("Run to here"), () => run([...Array(number).keys()]), t("{what}: cell {n}", { what: t("Run to here"), n: number }));
      controls.replaceChildren(one, ...(i ? [all] : []));
      editor.getInputField().setAttribute("aria-label", t("Cell {n}, editable. Shift+Enter runs it, Esc leaves the editor.", { n: number }));
      editor.setOption("extraKeys", {
        ...editor.getOption("extraKeys"),
        "Shift-Enter": () => run([i]),
        Tab: (cm) => (cm.somethingSelected() ? cm.indentSelection("add") : cm.execCommand("insertSoftTab")),
        "Shift-Tab": (cm) => cm.indentSelection("subtract"),
        Esc: () => one.focus(),
      });
      editor.refresh();
      return { ...found[i], box, output: placeholders.output, kernelCell: notebook.getCellById(id) };
    });
    live = { ...connection, notebook, cells, queue: Promise.resolve(), round: 0 };
    connection.events.on("status", (_, { subject, status }) => {
      if (subject === "session" && status === "shutdown" && live?.session === connection.session) say(t("The Python kernel has stopped. Restart it, or end and start again."), "failed", ...actions());
    });
    for (const cell of cells) cell.output.hidden = true;
  }

  const actions = () => [[t("Interrupt"), interrupt], [t("Restart kernel"), restart], [t("End"), end]];

  function run(numbers) {
    const { round } = live;
    live.queue = live.queue.then(async () => {
      for (const i of numbers) {
        if (!live || live.round !== round) return;
        const cell = live.cells[i];
        say(t("Running cell {n} …", { n: i + 1 }), "busy");
        cell.box.setAttribute("aria-busy", "true");
        if (cell.printed) cell.printed.hidden = true;
        cell.output.hidden = false;
        const answer = await cell.kernelCell.execute();
        cell.box.removeAttribute("aria-busy");
        if (!live || live.round !== round) return;
        const wrong = !answer || answer.error;
        say(wrong ? t("Cell {n} raised an error; see its output.", { n: i + 1 }) : t("Cell {n} is done.", { n: i + 1 }), wrong ? "failed" : "ready", ...actions());
        if (wrong) return;
      }
    });
    return live.queue;
  }

  async function interrupt() {
    live.round += 1; // forgets what still waits
    live.queue = Promise.resolve();
    await live.session.kernel.interrupt();
  }

  async function restart() {
    live.round += 1;
    live.queue = Promise.resolve();
    say(t("Starting: waiting for the Python kernel …"), "busy");
    try {
      await live.session.kernel.restart();
      say(t("The kernel was restarted: its variables are gone, run the cells again."), "ready", ...actions());
    } catch {
      say(t("The Python kernel has stopped. Restart it, or end and start again."), "failed", ...actions());
    }
  }

  function end() {
    const { session, cells, server } = live;
    live = undefined;
    session.shutdown().catch(() => {}).finally(() => server.dispose());
    for (const { box, source, output, printed } of cells) {
      box.replaceWith(source);
      output.remove();
      if (printed) printed.hidden = false;
    }
    say(t("Ended: the page is as it was."), "ended", [t("Close"), hideBar]);
  }

  // a reader who leaves the page leaves no kernel behind
  addEventListener("pagehide", () => {
    if (!live) return;
    const { baseUrl, token } = live.server.settings;
    const headers = token ? { Authorization: `token ${token}` } : {};
    fetch(`${baseUrl}api/sessions/${live.session.id}`, { method: "DELETE", keepalive: true, headers }).catch(() => {});
  });

  let starting = false;
  async function start() {
    if (starting || live) return;
    starting = true;
    showBar();
    say(t("Starting: loading the editors …"), "busy", [t("Close"), hideBar]);
    buttons.replaceChildren();
    try {
      const server = chosenServer();
      if (!server && !settings.binder) throw new Failure(t("no server is configured."));
      if (server) {
        say(t("Starting: connecting to {host} …", { host: new URL(server.url).host }), "busy");
        await check(server);
      }
      say(t("Starting: loading the editors …"), "busy");
      await loadThebe();
      say(server ? t("Starting: connecting to {host} …", { host: new URL(server.url).host }) : t("Starting: Binder prepares a server, which can take minutes the first time. Read on meanwhile."), "busy");
      open(await connect(server));
      say(t("Ready. The cells can be edited: Shift+Enter runs one, Esc leaves the editor. Nothing has run yet; a later cell needs the earlier ones, so use “Run to here”."), "ready", ...actions());
    } catch (problem) {
      if (!(problem instanceof Failure)) console.error(problem);
      say(t("Failed: {why} The page stays readable as it is.", { why: problem.message }), "failed", [t("Try again"), start], [t("Close"), hideBar]);
    } finally {
      starting = false;
    }
  }

  window.courseLive = { start };
})();
