// Searches and sorts the models of an exported site; models.js lists them, the last updated first.
"use strict";

const STEP = 48;
const SORTS = { updated: "Recently updated", created: "Newest", name: "Name" };
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function read([namespace, name, modified, created, picture, labels, derived]) {
  const tags = [...labels, ...derived];
  return { namespace, name, id: `${namespace}/${name}`, modified, created, picture, labels, tags };
}

function link(changes) {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) {
    if (value) query.set(key, value);
    else query.delete(key);
  }
  return `?${query}`;
}

function day(date) {
  const [year, month, number] = date.split("-").map(Number);
  return `${number} ${MONTHS[month - 1]} ${year}`;
}

function tile(model, index) {
  const picture = element("div", { className: "picture" });
  if (model.picture) {
    const src = `${model.id}/files/predictions.png`;
    picture.append(element("img", { src, alt: "", loading: "lazy", width: 1200, height: 628 }));
  } else {
    const className = `letter letter-${index % 6}`;
    const letter = element("span", { className, textContent: model.name[0].toUpperCase() });
    letter.setAttribute("aria-hidden", "true");
    picture.append(letter);
  }
  const owner = element("span", { className: "owner", textContent: `${model.namespace}/` });
  const heading = element("h2", {}, element("a", { href: `${model.id}/index.html` }, owner, model.name));
  const date = element("p", { className: "small", textContent: `Updated ${day(model.modified)}` });
  const about = element("div", { className: "about" }, heading, date);
  if (model.labels.length) {
    const chips = model.labels.slice(0, 4).map((name) =>
      element("a", { className: "chip", href: `search.html?${new URLSearchParams({ tag: name })}`, textContent: name }));
    about.append(element("p", { className: "tags" }, ...chips));
  }
  return element("li", { className: "tile" }, picture, about);
}

const ORDERS = {
  updated: () => 0,
  created: (a, b) => (a.created < b.created) - (a.created > b.created),
  name: (a, b) => (a.id.toLowerCase() < b.id.toLowerCase() ? -1 : 1),
};

function find(query) {
  const words = query.words.toLowerCase().split(/\s+/).filter(Boolean);
  return globalThis.models.map(read)
    .filter((model) => !query.namespace || model.namespace.toLowerCase() === query.namespace.toLowerCase())
    .filter((model) => !query.tag || model.tags.includes(query.tag))
    .filter((model) => {
      const text = `${model.id} ${model.tags.join(" ")}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort(ORDERS[query.sort]);
}

function describe(query, count) {
  const filters = document.getElementById("filters");
  const named = [query.words && `“${query.words}”`, query.tag].filter(Boolean);
  document.getElementById("title").textContent = query.namespace || (named.length ? "Search results" : "Models");
  document.getElementById("count").textContent = count.toLocaleString("en");
  document.getElementById("q").value = query.words;
  filters.hidden = !named.length;
  for (const text of named) filters.append(element("span", { className: "chip", textContent: text }), " ");
  filters.append(element("a", { href: "index.html", textContent: "Clear" }));
  const sorts = document.getElementById("sorts");
  sorts.hidden = count < 2;
  for (const [key, name] of Object.entries(SORTS)) {
    const choice = element("a", { href: link({ sort: key === "updated" ? "" : key }), textContent: name });
    if (key === query.sort) choice.setAttribute("aria-current", "true");
    sorts.append(choice, " ");
  }
}

function show(results) {
  const list = document.getElementById("results");
  const more = document.getElementById("more");
  let shown = 0;
  const step = () => {
    list.append(...results.slice(shown, shown + STEP).map((model, i) => tile(model, shown + i)));
    shown += STEP;
    more.hidden = shown >= results.length;
  };
  more.addEventListener("click", () => {
    const next = list.children.length;
    step();
    list.children[next]?.querySelector("h2 a").focus();
  });
  step();
}

const params = new URLSearchParams(location.search);
const query = {
  words: (params.get("q") ?? "").trim(),
  tag: params.get("tag") ?? "",
  namespace: params.get("namespace") ?? "",
  sort: params.get("sort") in SORTS ? params.get("sort") : "updated",
};
const results = find(query);
describe(query, results.length);
show(results);
document.getElementById("no-results").hidden = results.length > 0;
