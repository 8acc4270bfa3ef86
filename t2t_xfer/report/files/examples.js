"use strict";
// Data comes by scripts, since a page from a file may not fetch: each calls received() once.
// Every text from data and models becomes textContent, never HTML.
const PAGE_SIZE = 10;
const byId = (id) => document.getElementById(id);
const chunks = new Map();
let index = [];
let page = 0;

function indexed(entries) {
  index = entries;
  fill(byId("target"), [...new Set(entries.map((each) => each.target))]);
  fillLanguages();
  load();
}

function received(number, chunk) {
  chunks.set(number, chunk);
  if (number === chosen()) ready();
}

function chosen() {
  const [target, language] = [byId("target").value, byId("language").value];
  return index.findIndex((each) => each.target === target && each.language === language);
}

function fillLanguages() {
  const here = index.filter((each) => each.target === byId("target").value);
  fill(byId("language"), here.map((each) => each.language));
}

function load() {
  page = 0;
  const number = chosen();
  if (chunks.has(number)) return ready();
  byId("count").textContent = "loading …";
  const script = document.createElement("script");
  script.src = index[number].file;
  script.onerror = () => {
    byId("count").textContent = index[number].file + " is not beside this page.";
  };
  document.head.append(script);
}

function ready() {
  const chunk = chunks.get(chosen());
  fill(byId("intermediate"), ["all", ...new Set(chunk.runs.map((run) => run[2]))]);
  const statuses = new Set();
  for (const example of chunk.examples)
    for (const answer of example.answers) if (answer) statuses.add(answer[0]);
  fill(byId("status"), ["any", ...[...statuses].sort()]);
  draw();
}

function draw() {
  const chunk = chunks.get(chosen());
  const entry = index[chosen()];
  const runs = chunk.runs.map((run, place) => ({ run, place })).filter(({ run }) =>
    byId("intermediate").value === "all" || run[2] === byId("intermediate").value);
  const found = chunk.examples.filter((example) => wanted(example, runs));
  const last = Math.max(0, Math.ceil(found.length / PAGE_SIZE) - 1);
  page = Math.min(page, last);
  byId("count").textContent = found.length + " of the " + entry.shown + " examples that are here, of " +
    entry.total + " that were scored; models differ on " + entry.disagreements + " of those." +
    (chunk.note ? " " + chunk.note : "");
  byId("page").textContent = "page " + (page + 1) + " of " + (last + 1);
  byId("earlier").disabled = page === 0;
  byId("later").disabled = page === last;
  const shown = found.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  byId("list").replaceChildren(...shown.map((example) => drawExample(example, runs, chunk)));
}

function wanted(example, runs) {
  const answers = runs.map(({ place }) => example.answers[place]).filter(Boolean);
  const status = byId("status").value;
  if (status !== "any" && !answers.some((answer) => answer[0] === status)) return false;
  if (byId("which").value === "differ") return example.differ;
  if (byId("which").value === "wrong") return answers.some((answer) => answer[3] < 100);
  return true;
}

function drawExample(example, runs, chunk) {
  const box = element("article");
  const title = box.appendChild(element("h2", "example " + example.id + " "));
  if (example.differ) title.append(element("span", "models differ", "tag"));
  if (example.input !== null) box.append(element("div", "input"), text(example.input));
  box.append(element("div", "gold"), text(example.gold || "–"));
  const wide = box.appendChild(element("div", "", "wide"));
  wide.tabIndex = 0;
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-label", "answers to example " + example.id);
  const table = wide.appendChild(element("table", "", "answers"));
  const heads = ["model", "intermediate", "answer", "status", "points", "raw output"];
  const head = table.createTHead().insertRow();
  for (const name of heads) head.append(Object.assign(element("th", name), { scope: "col" }));
  const body = table.createTBody();
  for (const { run, place } of runs) {
    const answer = example.answers[place];
    if (!answer) continue;
    const row = body.insertRow();
    row.append(Object.assign(element("th", run[0]), { scope: "row" }));
    const [status, value, raw, points] = answer;
    row.append(element("td", run[2]), spoken("td", value || "–"), element("td", status));
    row.append(element("td", points.toFixed(0), "n"), spoken("td", raw));
    heads.forEach((name, place) => { row.cells[place].dataset.head = name; });
  }
  return box;
}

function element(name, content, className) {
  const made = document.createElement(name);
  if (content) made.textContent = content;
  if (className) made.className = className;
  return made;
}

// The direction of writing is that of the text itself.
function spoken(name, content, className) {
  const made = element(name, content, className);
  made.dir = "auto";
  return made;
}

function text(content) {
  return spoken("div", content, "text");
}

function fill(select, values) {
  const before = select.value;
  select.replaceChildren(...values.map((value) => new Option(value, value)));
  if (values.includes(before)) select.value = before;
}

byId("target").addEventListener("change", () => { fillLanguages(); load(); });
byId("language").addEventListener("change", load);
for (const id of ["intermediate", "status", "which"])
  byId(id).addEventListener("change", () => { page = 0; draw(); });
byId("earlier").addEventListener("click", () => { page -= 1; draw(); scrollTo(0, 0); });
byId("later").addEventListener("click", () => { page += 1; draw(); scrollTo(0, 0); });
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
