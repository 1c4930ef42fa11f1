// Live code, tools/site/live.py: on the reader's word this page's cells become editors, run by a Jupyter server.
// Nothing is loaded before that, and nothing runs by itself: a cell keeps its printed output until it is run.
(() => {
  "use strict";
  const settings = JSON.parse(document.currentScript.dataset.live);
  const here = new URL(".", document.currentScript.src);
  // beside this site, or elsewhere; from a disk a browser takes no file whose sum must be right
  const thebe = new URL(location.protocol === "file:" ? settings.public : settings.thebe, new URL("..", here)).href;
  const chinese = document.documentElement.lang.startsWith("zh");
  const words = chinese ? {
    label: "现场运行",
    loading: "正在启动：加载编辑器……",
    connecting: (host) => `正在启动：连接 ${host}……`,
    binder: "正在启动：Binder 正在准备服务器，第一次可能需要几分钟；可以先继续阅读。",
    kernel: "正在启动：等待 Python 内核……",
    ready: "就绪。单元格现在可以修改：Shift+Enter 运行，Esc 离开编辑器。还没有运行任何代码；靠后的单元格用到靠前的，请用“运行到此处”。",
    running: (n) => `正在运行单元格 ${n}……`,
    done: (n) => `单元格 ${n} 运行完毕。`,
    error: (n) => `单元格 ${n} 报错，见其输出。`,
    stopped: "内核已重启：变量已清空，请重新运行单元格。",
    ended: "已结束：页面恢复原样。",
    failed: (why) => `失败：${why} 页面照常可读。`,
    noThebe: (host) => `无法从 ${host} 加载 Thebe：网络不通、被拦截，或文件与指定版本不一致。`,
    noServer: (url) => `连不上 Jupyter 服务器 ${url}：服务器没有运行、地址有误、它不允许本网站（allow_origin），或浏览器未获准访问本机。`,
    mixed: (url) => `本页使用 https，浏览器不会连接 http 的服务器 ${url}；请给服务器配置 https。`,
    refused: (url) => `Jupyter 服务器 ${url} 拒绝了令牌（token）。`,
    notJupyter: (url) => `${url} 有应答，但不是 Jupyter 服务器。`,
    notLoopback: (url) => `地址栏中的 jupyter= 只接受本机的服务器（http://localhost 或 http://127.0.0.1），而不是 ${url}。`,
    noBinder: (host, why) => `Binder（${host}）没有给出服务器：${why}`,
    noPlace: "没有配置可用的服务器。",
    noAnswer: "连接断开",
    noKernel: (why) => `服务器没有启动 Python 内核：${why}`,
    slow: "等待超时",
    dead: "Python 内核已停止。请重启内核，或结束后重新开始。",
    run: "运行", upTo: "运行到此处", interrupt: "中断", restart: "重启内核", end: "结束", again: "重试", close: "关闭",
    editor: (n) => `单元格 ${n}，可编辑。Shift+Enter 运行，Esc 离开编辑器。`,
    output: (n) => `单元格 ${n} 的新输出`,
    of: (what, n) => `${what}：单元格 ${n}`,
  } : {
    label: "Run live",
    loading: "Starting: loading the editors …",
    connecting: (host) => `Starting: connecting to ${host} …`,
    binder: "Starting: Binder prepares a server, which can take minutes the first time. Read on meanwhile.",
    kernel: "Starting: waiting for the Python kernel …",
    ready: "Ready. The cells can be edited: Shift+Enter runs one, Esc leaves the editor. Nothing has run yet; a later cell needs the earlier ones, so use “Run to here”.",
    running: (n) => `Running cell ${n} …`,
    done: (n) => `Cell ${n} is done.`,
    error: (n) => `Cell ${n} raised an error; see its output.`,
    stopped: "The kernel was restarted: its variables are gone, run the cells again.",
    ended: "Ended: the page is as it was.",
    failed: (why) => `Failed: ${why} The page stays readable as it is.`,
    noThebe: (host) => `Thebe could not be loaded from ${host}: no network, a blocked address, or a file that is not the pinned version.`,
    noServer: (url) => `The Jupyter server ${url} cannot be reached: it is not running, the address is wrong, it does not allow this site (allow_origin), or the browser was not permitted to reach this machine.`,
    mixed: (url) => `This page uses https, and a browser does not let it reach the http server ${url}; give the server https.`,
    refused: (url) => `The Jupyter server ${url} refused the token.`,
    notJupyter: (url) => `${url} answers, but it is no Jupyter server.`,
    notLoopback: (url) => `jupyter= in the address takes a server on this machine only (http://localhost or http://127.0.0.1), not ${url}.`,
    noBinder: (host, why) => `Binder (${host}) gave no server: ${why}`,
    noPlace: "no server is configured.",
    noAnswer: "the connection was lost",
    noKernel: (why) => `the server started no Python kernel: ${why}`,
    slow: "it took too long",
    dead: "The Python kernel has stopped. Restart it, or end and start again.",
    run: "Run", upTo: "Run to here", interrupt: "Interrupt", restart: "Restart kernel", end: "End", again: "Try again", close: "Close",
    editor: (n) => `Cell ${n}, editable. Shift+Enter runs it, Esc leaves the editor.`,
    output: (n) => `New output of cell ${n}`,
    of: (what, n) => `${what}: cell ${n}`,
  };
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
    bar.setAttribute("aria-label", words.label);
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
    try { url = new URL(asked); } catch { throw new Failure(words.notLoopback(asked)); }
    if (!["http:", "https:"].includes(url.protocol) || !LOOPBACK.includes(url.hostname)) {
      throw new Failure(words.notLoopback(asked));
    }
    const base = url.origin + url.pathname.replace(/\/(lab|tree)?\/?$/, "") + "/";
    const token = url.searchParams.get("token") ?? new URLSearchParams(location.search).get("token") ?? "";
    return { url: base, token, ws: base.replace(/^http/, "ws") };
  }

  async function check(server) {
    const url = new URL(server.url);
    if (location.protocol === "https:" && url.protocol === "http:" && !LOOPBACK.includes(url.hostname)) {
      throw new Failure(words.mixed(server.url));
    }
    const headers = server.token ? { Authorization: `token ${server.token}` } : {};
    let answer;
    try {
      answer = await within(fetch(new URL("api/status", url), { headers, cache: "no-store" }), PATIENCE.server, words.slow);
    } catch {
      throw new Failure(words.noServer(server.url));
    }
    if ([401, 403].includes(answer.status)) throw new Failure(words.refused(server.url));
    const status = answer.ok ? await answer.json().catch(() => null) : null;
    if (!status || !("kernels" in status)) throw new Failure(words.notJupyter(server.url));
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
      throw new Failure(words.noThebe(new URL(thebe).host));
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
    const lost = (why) => new Failure(server ? words.noServer(where) : words.noBinder(where, why));
    const broken = new Promise((_, reject) => {
      events.on("error", (_, { subject, message }) => { if (subject === "server") reject(lost(message)); });
    });
    broken.catch(() => {});
    const opened = (server ? made.connectToJupyterServer() : made.connectToServerViaBinder());
    const reached = Promise.race([broken, Promise.all([opened, made.ready])]).catch((problem) => {
      if (problem instanceof Failure && server) throw problem;
      const said = String(problem?.message ?? problem);
      throw lost(/Lost connection/.test(said) ? words.noAnswer : said.replace(/^.*Binder \([^)]*\)[^:：]*[:：]\s*/, ""));
    });
    await within(reached, server ? PATIENCE.server : PATIENCE.binder, lost(words.slow).message);
    say(words.kernel, "busy");
    try {
      const session = await within(made.startNewSession(rendermime), PATIENCE.server, words.slow);
      await within(session.kernel.info, PATIENCE.server, words.slow);
      return { config, rendermime, server: made, session, events };
    } catch (problem) {
      throw new Failure(words.noKernel(problem.message));
    }
  }

  // -- the cells ------------------------------------------------------------------------------------------------

  function open(connection) {
    const found = [...document.querySelectorAll("article .cell")].flatMap((cell) => {
      const source = cell.querySelector(".cell_input .highlight")?.parentElement;
      return source ? [{ cell, source, printed: cell.querySelector(":scope > .cell_output, :scope > details .cell_output") }] : [];
    });
    const blocks = found.map(({ source }, i) => ({ id: `live${i + 1}`, source: source.querySelector("pre").textContent.trimEnd() }));
    const notebook = window.thebeCore.api.setupNotebookFromBlocks(blocks, connection.config, connection.rendermime);
    const items = found.map(({ cell, source, printed }, i) => {
      const output = make("div", { className: "live-output" });
      output.setAttribute("role", "region");
      output.setAttribute("aria-label", words.output(i + 1));
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
      const one = button(words.run, () => run([i]), words.of(words.run, number));
      const all = button(words.upTo, () => run([...Array(number).keys()]), words.of(words.upTo, number));
      controls.replaceChildren(one, ...(i ? [all] : []));
      editor.getInputField().setAttribute("aria-label", words.editor(number));
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
      if (subject === "session" && status === "shutdown" && live?.session === connection.session) say(words.dead, "failed", ...actions());
    });
    for (const cell of cells) cell.output.hidden = true;
  }

  const actions = () => [[words.interrupt, interrupt], [words.restart, restart], [words.end, end]];

  function run(numbers) {
    const { round } = live;
    live.queue = live.queue.then(async () => {
      for (const i of numbers) {
        if (!live || live.round !== round) return;
        const cell = live.cells[i];
        say(words.running(i + 1), "busy");
        cell.box.setAttribute("aria-busy", "true");
        if (cell.printed) cell.printed.hidden = true;
        cell.output.hidden = false;
        const answer = await cell.kernelCell.execute();
        cell.box.removeAttribute("aria-busy");
        if (!live || live.round !== round) return;
        const wrong = !answer || answer.error;
        say(wrong ? words.error(i + 1) : words.done(i + 1), wrong ? "failed" : "ready", ...actions());
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
    say(words.kernel, "busy");
    try {
      await live.session.kernel.restart();
      say(words.stopped, "ready", ...actions());
    } catch {
      say(words.dead, "failed", ...actions());
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
    say(words.ended, "ended", [words.close, hideBar]);
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
    say(words.loading, "busy", [words.close, hideBar]);
    buttons.replaceChildren();
    try {
      const server = chosenServer();
      if (!server && !settings.binder) throw new Failure(words.noPlace);
      if (server) {
        say(words.connecting(new URL(server.url).host), "busy");
        await check(server);
      }
      say(words.loading, "busy");
      await loadThebe();
      say(server ? words.connecting(new URL(server.url).host) : words.binder, "busy");
      open(await connect(server));
      say(words.ready, "ready", ...actions());
    } catch (problem) {
      if (!(problem instanceof Failure)) console.error(problem);
      say(words.failed(problem.message), "failed", [words.again, start], [words.close, hideBar]);
    } finally {
      starting = false;
    }
  }

  window.courseLive = { start };
})();
