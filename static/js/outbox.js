// Forms that go through the outbox: <form data-outbox="visit" data-outbox-label="…" data-outbox-next="…">. What is typed
// is on the device before anything is sent, so no answer that is lost, late or wrong costs the person a word.

import "./queue.js";
import { toast } from "./toast.js";

const { outbox } = globalThis;
const { member, person, organization } = document.documentElement.dataset;
const PATIENCE = 3_000;
const SIDE = 1_280;

export const words = () => document.getElementById("outbox-words")?.dataset ?? {};
export const count = (name, n) => (words()[n === 1 ? `${name}One` : name] ?? "").replace("%n", n);

let timer;
/** Send what is this person's, and again after the wait the outbox asks for. */
export async function send() {
  if (!member) return;
  clearTimeout(timer);
  const wait = await outbox.send(person).catch(() => 5_000); // storage cleared under our feet: once more
  if (wait) {
    clearTimeout(timer);
    timer = setTimeout(send, wait);
  }
}

/** A photo no larger than 1280 px; drawing it again also leaves behind where it was taken. */
async function reduced(photo) {
  const image = await createImageBitmap(photo);
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width * scale);
  canvas.height = Math.round(image.height * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.82));
}

async function gathered(form, submitter) {
  const now = new Date().toISOString();
  const { elements, dataset } = form;
  for (const name of ["made_at", "visited_at"]) if (elements[name]?.type === "hidden") elements[name].value ||= now;
  // The id is made here: a page kept on the device is used again and again, and would bring the same one each time.
  // Where there is a version, id_made names what is changed, and each change is a row of its own.
  const id = dataset.outboxId ?? crypto.randomUUID();
  if (elements.id_made && !elements.version) elements.id_made.value = id;
  const { pathname, search } = new URL(form.getAttribute("action") ?? "", location.href);
  const row = { id, person, member, organization, kind: dataset.outbox, label: dataset.outboxLabel ?? "", url: pathname + search };
  const contents = [];
  Object.assign(row, { page: location.pathname + location.search, made_at: now, fields: [], files: [] });
  for (const [field, value] of new FormData(form, submitter)) {
    if (field === "csrfmiddlewaretoken") continue; // sent as it is when sending, not when it was typed
    if (typeof value === "string") row.fields.push([field, value]);
    else if (value.size) {
      const photo = await reduced(value);
      contents.push(await photo.arrayBuffer());
      row.files.push({ id: crypto.randomUUID(), field, name: value.name.replace(/\.\w+$/, "") + ".jpg", type: photo.type, size: photo.size });
    }
  }
  return [row, contents];
}

/** Resolves with the news of this row, or with {} when patience ends: the row then waits on the device. */
function news(id) {
  return new Promise((resolve) => {
    const channel = new BroadcastChannel("outbox");
    setTimeout(resolve, PATIENCE, {});
    channel.onmessage = ({ data }) => {
      if ([data.sent, data.fix, data.again, data.sign_in, data.other, data.forbidden].includes(id)) resolve(data);
    };
  });
}

/** Say it now if the person stays, or on the page they go to. */
function leave(next, text, level) {
  if (!next) return toast(text, level);
  sessionStorage.setItem("said", JSON.stringify([text, level]));
  location.assign(next);
}

/** Put the server's words at the fields they are about, and the general ones above the form. */
export function mark(form, message, errors = {}) {
  form.querySelectorAll(".outbox-error").forEach((old) => old.remove());
  const say = (text, id = "") => Object.assign(document.createElement("p"), { className: "error outbox-error", textContent: text, id });
  let first;
  for (const [name, texts] of Object.entries(errors)) {
    const field = form.elements[name];
    const control = field instanceof RadioNodeList ? field[0] : field;
    if (!control) continue;
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", `${name}-said`);
    (control.closest(".field, fieldset") ?? form).append(say([texts].flat().join(" "), `${name}-said`));
    first ??= control;
  }
  const general = say(message || words().wrong);
  general.setAttribute("role", "alert");
  form.prepend(general);
  (first ?? form.querySelector("input:not([type=hidden])"))?.focus();
}

async function take(form, submitter) {
  let row;
  try {
    const [made, contents] = await gathered(form, submitter);
    row = made;
    await outbox.put(row, contents);
  } catch (error) {
    if (error.name === "QuotaExceededError") return mark(form, words().full);
    if (!row) return mark(form, words().photo, { photo: [words().photo] });
    // No storage at all (a private window, for one): the form goes the ordinary way.
    return navigator.onLine ? HTMLFormElement.prototype.submit.call(form) : mark(form, words().nowhere);
  }
  navigator.storage?.persist?.();
  if (row.kind === "visit") localStorage.setItem("visits", "1");
  navigator.serviceWorker?.ready.then((registration) => registration.sync?.register("outbox")).catch(() => {});
  const outcome = news(row.id);
  send();
  const { said = {}, sent, fix } = await outcome;
  if (fix) {
    form.dataset.outboxId = row.id;
    return mark(form, said.message ?? said.detail, said.errors);
  }
  const next = form.dataset.outboxNext ?? (row.kind === "visit" ? `/o/${organization}/today/` : "");
  if (sent) return leave(said.next ?? next, said.message ?? words().sent, "ok");
  leave(next, words().kept, "warn");
}

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target.closest("form[data-outbox]");
    if (!form || !member) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    const button = event.submitter;
    const label = button?.innerHTML;
    if (button) {
      button.style.minWidth = `${button.offsetWidth}px`;
      button.textContent = words().saving;
    }
    take(form, button).finally(() => {
      form.ariaBusy = "false";
      if (button) button.innerHTML = label;
    });
  },
  true,
);

/** Put what was typed, pairs of name and value, back into a form. */
export function fill(form, fields) {
  const typed = Map.groupBy(fields, ([name]) => name);
  for (const control of form.elements) {
    const values = typed.get(control.name)?.map(([, value]) => value);
    if (["radio", "checkbox"].includes(control.type)) control.checked = Boolean(values?.includes(control.value));
    else if (values && !["file", "submit", "button"].includes(control.type)) control.value = values.shift() ?? "";
    if (control.type !== "file") control.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

/** A row to be corrected opens its form with what was typed, photos included: …#fix=<id>. */
async function refill() {
  const id = location.hash.match(/^#fix=([\w-]+)$/)?.[1];
  const row = id && (await outbox.find(id));
  const form = row && row.person === person && document.querySelector(`form[data-outbox="${CSS.escape(row.kind)}"]`);
  if (!form) return;
  fill(form, row.fields);
  for (const control of form.querySelectorAll("[type=file]")) {
    const photos = new DataTransfer();
    for (const one of row.files) if (one.field === control.name) photos.items.add(new File([await outbox.file(one.id)], one.name, { type: one.type }));
    control.files = photos.files;
    control.dispatchEvent(new Event("change", { bubbles: true }));
  }
  form.dataset.outboxId = id;
  mark(form, row.error, row.errors);
}

const said = sessionStorage.getItem("said");
if (said) {
  sessionStorage.removeItem("said");
  toast(...JSON.parse(said));
}
if (member) {
  outbox.learn("who", person).catch(() => {});
  refill();
  send();
  addEventListener("online", send);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && send());
}
