// What a model's pages do when JavaScript runs: the prompt box, and buttons that copy.
"use strict";

const WAIT = "Waiting for its turn";

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function copyButton(label, text) {
  const button = element("button", { type: "button", className: "button", textContent: label });
  button.addEventListener("click", () => copy(button, text()));
  return button;
}

async function copy(button, text) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Could not copy";
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}

// Yields the objects of a response whose lines are JSON, as they come.
async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

class Box {
  constructor(form) {
    this.form = form;
    this.prompt = document.getElementById("prompt");
    this.stop = document.getElementById("stop");
    this.state = document.getElementById("state");
    this.said = document.getElementById("said");
    this.button = form.querySelector("[type=submit]");
    form.hidden = false;
    form.addEventListener("submit", (event) => { event.preventDefault(); this.ask(); });
    this.stop.addEventListener("click", () => this.aborter?.abort());
    this.prompt.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
  }

  async ask() {
    if (this.aborter) return;
    this.aborter = new AbortController();
    this.items = [];
    this.done = 0;
    this.asked = this.prompt.value.trim();
    this.said.replaceChildren();
    this.stop.hidden = false;
    this.button.disabled = true;
    this.tell("Asking the model");
    try {
      await this.listen();
    } catch (error) {
      this.tell(error.name === "AbortError" ? "Stopped." : "The Hub does not answer any more.");
    }
    for (const item of this.items) if (!item.whole) item.node.remove();
    this.stop.hidden = true;
    this.button.disabled = false;
    this.aborter = null;
  }

  async listen() {
    const response = await fetch(this.form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: this.prompt.value }),
      signal: this.aborter.signal,
    });
    if (!response.ok) {
      const { error } = await response.json();
      this.tell(error);
      return;
    }
    for await (const message of lines(response)) {
      if (message.error) {
        this.tell(message.error);
        return;
      }
      if (message.waiting) this.tell(`${WAIT}: ${message.waiting} before you`);
      else if (message.loading) this.tell("Loading the model");
      else if (message.text !== undefined) this.show(message);
    }
    this.tell(`${this.done} new predictions. A machine wrote them.`);
  }

  tell(text) {
    this.state.textContent = text;
  }

  show(message) {
    const item = (this.items[message.number] ??= this.newItem());
    const start = message.text.startsWith(this.asked) ? this.asked : "";
    item.start.textContent = start;
    item.rest.textContent = message.text.slice(start.length);
    if (!message.done) {
      if (message.number >= this.done) this.tell("Speaking");
      return;
    }
    item.whole = true;
    item.node.classList.remove("growing");
    this.done += 1;
    item.node.append(this.actions(item, message));
  }

  newItem() {
    const start = element("b");
    const rest = element("span");
    const node = element("li", { className: "growing" }, element("p", { dir: "auto" }, start, rest));
    this.said.append(node);
    return { node, start, rest, whole: false };
  }

  actions(item, message) {
    const row = element("p", { className: "actions" });
    if (message.picture) row.append(this.pictureButton(item, message));
    row.append(copyButton("Copy", () => message.text));
    row.append(element("a", { className: "button", href: message.share, textContent: "Link" }));
    return row;
  }

  pictureButton(item, message) {
    const button = element("button", { type: "button", className: "button", textContent: "Picture" });
    button.setAttribute("aria-expanded", "false");
    let shown = null;
    button.addEventListener("click", () => {
      if (shown) {
        shown.remove();
        shown = null;
      } else {
        const image = element("img", { src: message.picture, alt: message.text, width: 1200, height: 628 });
        const save = element("a", { className: "button", href: message.picture, textContent: "Save the picture" });
        save.download = "prediction.png";
        shown = element("div", { className: "drawn" }, image, save);
        item.node.append(shown);
      }
      button.setAttribute("aria-expanded", String(shown !== null));
    });
    return button;
  }
}

for (const button of document.querySelectorAll("[data-copy], [data-copy-address]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button, button.dataset.copy ?? location.href));
}
for (const code of document.querySelectorAll(".readme pre")) {
  const text = code.textContent;
  const frame = element("div", { className: "code" });
  code.replaceWith(frame);
  frame.append(code, copyButton("Copy", () => text));
}
const form = document.getElementById("ask");
if (form) new Box(form);
