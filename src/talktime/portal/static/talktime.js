// What makes pages quicker. Every page works without it.
(() => {
"use strict";

const all = (root, what) => [...(root.matches?.(what) ? [root] : []), ...root.querySelectorAll(what)];

// htmx: nothing that a strict policy forbids, and no copies of pages that are somebody's own.
if (window.htmx) {
  Object.assign(htmx.config, { allowEval: false, allowScriptTags: false, includeIndicatorStyles: false, historyCacheSize: 0 });
}

// Nobody looks at a hidden page: it asks for nothing, and asks at once when it is seen again.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.requestConfig.verb === "get") event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && window.htmx) all(document, "[hx-trigger*=seen]").forEach((panel) => htmx.trigger(panel, "seen"));
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  // Attributes, as a field called "method" hides the property.
  if (!form.matches("[method=post i], [hx-post]")) return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.sent = "";
  // Afterwards: what a disabled button says would not be sent along.
  if (event.submitter) setTimeout(() => busy(event.submitter, true));
}, true);

function busy(button, is) {
  button.toggleAttribute("disabled", is);
  button.ariaBusy = is ? "true" : null;
}

function release(form) {
  delete form.dataset.sent;
  [...form.elements].filter((button) => button.ariaBusy).forEach((button) => busy(button, false));
}
addEventListener("pageshow", () => all(document, "form[data-sent]").forEach(release));
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt.closest("form");
  if (form) release(form);
});

// A panel that the server opened keeps the focus in it; whoever leaves it goes where its link leads.
function hold(root) {
  all(root, "dialog[open]:not(:modal)").forEach((dialog) => {
    dialog.removeAttribute("open");
    dialog.showModal();
  });
}

function leave(dialog) {
  const link = dialog.querySelector("a[data-close]");
  if (!link || dialog.closest("[data-panels]") || "opened" in dialog.dataset) dialog.close();
  else location.assign(link.href);
  if (dialog.closest("[data-panels]")) dialog.remove();
}
document.addEventListener("cancel", (event) => {
  if (!event.target.matches("dialog")) return;
  event.preventDefault();
  leave(event.target);
}, true);
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  const closer = event.target.closest("dialog:modal [data-close]");
  const dialog = opener ? document.getElementById(opener.dataset.opens) : closer?.closest("dialog");
  if (!dialog) return;
  event.preventDefault();
  if (closer) return leave(dialog);
  dialog.dataset.opened = "";
  dialog.showModal();
});

// Whatever has come onto the page. The first field with an error is where to go on.
function look(root) {
  hold(root);
  all(root, "[aria-invalid=true]")[0]?.focus();
  all(root, "[data-copy]").forEach((button) => { button.hidden = !navigator.clipboard; });
  all(root, ".toast").forEach(show);
}

// Secrets are copied; the button says the word for it that the server gave it.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const from = document.querySelector(button.dataset.copy);
  await navigator.clipboard.writeText(from.value ?? from.textContent.trim());
  say(button.dataset.copied);
});

// Light and dark at once; the server remembers.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!("themeChoice" in form.dataset)) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  document.documentElement.dataset.theme = body.get("theme");
  fetch(form.getAttribute("action"), { method: "post", body }).finally(() => release(form));
});

// Short words about what was done. They are read aloud, stay while the pointer is on them, and errors stay.
const toasts = document.createElement("div");
toasts.role = "status";
document.body.append(toasts);

function show(toast) {
  let timer = 0;
  const wait = () => { timer = setTimeout(() => toast.remove(), 6000); };
  toast.removeAttribute("role");
  toasts.replaceChildren(toast);
  toast.addEventListener("click", () => toast.remove());
  if (toast.matches(".tone-danger")) return;
  toast.addEventListener("mouseenter", () => clearTimeout(timer));
  toast.addEventListener("mouseleave", wait);
  wait();
}

function say(words, tone = "ok") {
  show(Object.assign(document.createElement("div"), { className: `toast tone-${tone}`, textContent: words }));
}
document.addEventListener("toast", (event) => say(event.detail.text, event.detail.tone));

look(document.body);
// htmx says so of the whole page as well, which has been looked at.
document.addEventListener("htmx:load", (event) => event.detail.elt !== document.body && look(event.detail.elt));
})();
