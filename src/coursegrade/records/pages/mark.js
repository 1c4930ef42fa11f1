// The marking page: shows one answer, keeps what is typed until it is saved, and says when it is not.
"use strict";

const words = JSON.parse(document.body.dataset.words);
const at = (id) => document.getElementById(id);
const fill = (key, ...values) => values.reduce((text, value, n) => text.replace(`{${n}}`, () => value), words[key]);

let all;
let question;
let place = 0;
let shown; // the answer as the server gave it
let saving = false;

const answers = () => question.answers;
const draftName = () => `${all.assignment}/${question.id}/${answers()[place].ref}`;
const number = (text) => (/^\s*\d+([.,]\d+)?\s*$/.test(text) ? Number(text.replace(",", ".")) : null);
const boxes = () => [...document.querySelectorAll("#items input")];
const entered = () => ({
  points: at("points").value,
  comment: at("comment").value,
  items: boxes().flatMap((box, n) => (box.checked ? [n] : [])),
});
const stored = () => ({
  points: shown.score === null ? "" : String(shown.score),
  comment: shown.comment,
  items: shown.items,
});
const changed = () => Boolean(shown) && JSON.stringify(entered()) !== JSON.stringify(stored());

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let reply;
  try {
    reply = await fetch(path, options);
    return { ok: reply.ok, status: reply.status, value: await reply.json() };
  } catch {
    return { ok: false, status: 0, value: { said: words.failed } };
  }
}

function put(values) {
  at("points").value = values.points;
  at("comment").value = values.comment;
  boxes().forEach((box, n) => { box.checked = values.items.includes(n); });
}

function note() {
  try {
    if (changed()) sessionStorage.setItem(draftName(), JSON.stringify({ ...entered(), version: shown.version }));
    else sessionStorage.removeItem(draftName());
  } catch { /* no room: what is typed stays in the fields */ }
  at("status").textContent = changed() ? words.unsaved : "";
}

function progress() {
  const done = answers().filter((answer) => answer.marked).length;
  at("progress").max = answers().length || 1;
  at("progress").value = done;
  at("progress-text").textContent = fill("progress", done, answers().length);
}

function links(box) {
  for (const link of box.querySelectorAll("a")) link.target = "_blank";
}

function chooseQuestion(id) {
  question = all.questions.find((one) => one.id === id) ?? all.questions[0];
  at("question").value = question.id;
  at("points-label").textContent = fill("points", question.points);
  for (const part of ["task", "model", "solution"]) {
    at(part).innerHTML = question[part];
    at(`${part}-box`).hidden = !question[part];
    links(at(part));
  }
  at("items").replaceChildren(...question.items.map((item, n) => {
    const label = document.createElement("label");
    label.className = "item";
    const box = document.createElement("input");
    box.type = "checkbox";
    box.addEventListener("change", sum);
    const points = document.createElement("strong");
    points.textContent = `${n + 1} · ${item.points}`;
    const text = document.createElement("span");
    text.innerHTML = item.html;
    label.append(box, points, text);
    return label;
  }));
  at("rubric").innerHTML = question.items.length ? "" : question.rubric;
  const first = answers().findIndex((answer) => !answer.marked);
  progress();
  return show(first < 0 ? 0 : first);
}

async function show(where) {
  at("trouble").textContent = "";
  at("name").textContent = "";
  if (!answers().length) {
    at("which").textContent = words.none;
    shown = undefined;
    return;
  }
  const wanted = question;
  const reply = await ask(`api/answer/${question.id}/${answers()[where].ref}`);
  if (wanted !== question) return;
  if (!reply.ok) {
    at("trouble").textContent = reply.value.said;
    return;
  }
  place = where;
  shown = reply.value;
  at("which").textContent = fill("answer", place + 1, answers().length);
  at("answer").innerHTML = shown.blank ? "" : shown.html;
  if (shown.blank) at("answer").textContent = words.blank;
  links(at("answer"));
  at("answer").scrollTop = 0;
  put(stored());
  try {
    const draft = JSON.parse(sessionStorage.getItem(draftName()));
    if (draft) put(draft);
  } catch { /* none */ }
  at("status").textContent = changed() ? words.unsaved : "";
}

function sum() {
  const total = question.items.reduce((points, item, n) => points + (boxes()[n].checked ? item.points : 0), 0);
  at("points").value = String(Math.min(total, question.points));
  note();
}

async function save() {
  if (!shown || saving) return false;
  saving = true;
  const [of, where, mark] = [question, place, entered()];
  const reply = await ask(`api/mark/${of.id}/${of.answers[where].ref}`, {
    score: number(mark.points), comment: mark.comment, items: mark.items,
    version: shown.version, submission: shown.submission,
  });
  saving = false;
  at("trouble").textContent = "";
  if (!reply.ok) {
    at("status").textContent = words.unsaved;
    at("trouble").textContent = reply.value.said;
    if (reply.status === 409) {
      shown.version = reply.value.now.version;
      at("trouble").textContent += ` ${fill("theirs", reply.value.now.score ?? "–", reply.value.now.comment)}`;
    }
    return false;
  }
  of.answers[where].marked = true;
  Object.assign(shown, reply.value);
  if (JSON.stringify(entered()) === JSON.stringify(mark)) put(stored());
  note();
  progress();
  at("status").textContent = fill("saved", reply.value.score, of.points);
  if (of.answers.every((answer) => answer.marked)) at("status").textContent += ` ${words.all}`;
  return true;
}

async function go(where) {
  if (where < 0 || where >= answers().length || where === place) return;
  if (changed() && !(await save())) return; // it stays here until it is saved
  await show(where);
  at("which").focus();
}

function unmarked() {
  const order = answers().map((_, n) => (place + 1 + n) % answers().length);
  const found = order.find((n) => !answers()[n].marked && n !== place);
  if (found !== undefined) return go(found);
  if (changed()) return save();
  at("status").textContent = answers().every((answer) => answer.marked) ? words.all : "";
}

async function reveal() {
  const [of, where] = [question, place];
  const reply = await ask(`api/key/${of.id}/${of.answers[where].ref}`);
  if (of !== question || where !== place) return;
  at("name").textContent = reply.ok ? `${reply.value.name} (${reply.value.id})` : reply.value.said;
}

function key(event) {
  const field = event.target;
  const typing = field.matches("textarea, input[type=text], select");
  if (event.isComposing || event.altKey || event.metaKey) return;
  if (event.key === "Escape" && typing) return field.blur();
  if (event.key === "Enter" && (event.ctrlKey || (!field.matches("textarea, button, summary, a, select")))) {
    event.preventDefault();
    return save();
  }
  if (typing || event.ctrlKey) return;
  const deeds = {
    j: () => go(place + 1), k: () => go(place - 1), n: unmarked,
    p: () => at("points").select(), c: () => at("comment").focus(),
    0: () => { boxes().forEach((box) => { box.checked = false; }); at("points").value = "0"; note(); },
  };
  const box = /^[1-9]$/.test(event.key) ? boxes()[Number(event.key) - 1] : undefined;
  if (box) box.click();
  else if (Object.hasOwn(deeds, event.key) && shown) deeds[event.key]();
  else return;
  event.preventDefault();
}

async function start() {
  const reply = await ask("api/overview");
  if (!reply.ok) {
    at("trouble").textContent = reply.value.said;
    return;
  }
  all = reply.value;
  at("question").replaceChildren(...all.questions.map((one) => new Option(one.title, one.id)));
  at("question").addEventListener("change", async () => {
    const wanted = at("question").value;
    if (changed() && !(await save())) at("question").value = question.id;
    else await chooseQuestion(wanted);
  });
  at("points").addEventListener("input", note);
  at("comment").addEventListener("input", note);
  at("save").addEventListener("click", save);
  at("previous").addEventListener("click", () => go(place - 1));
  at("next").addEventListener("click", () => go(place + 1));
  at("unmarked").addEventListener("click", unmarked);
  at("show").addEventListener("click", reveal);
  document.addEventListener("keydown", key);
  window.addEventListener("beforeunload", (event) => { if (changed()) event.preventDefault(); });
  await chooseQuestion(all.first);
}

start();
