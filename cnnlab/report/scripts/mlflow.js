// Links from runs to MLflow's pages, once they are asked for: in a copy of the page elsewhere nothing answers there.
const box = document.getElementById("mlflow");
const [wanted, address] = box.querySelectorAll("input");
const LOCAL = ["localhost", "127.0.0.1", "[::1]"];
const KEY = `cnnlab.mlflow ${address.defaultValue}`; // pages of other projects may have another server

const remembered = () => {
  try { return JSON.parse(localStorage.getItem(KEY)); } catch { return null; }
};
const remember = () => {
  try { localStorage.setItem(KEY, JSON.stringify({ on: wanted.checked, address: address.value })); } catch { /* not kept */ }
};

// The server, if what is written is the address of one.
const server = () => {
  try {
    const { protocol, href } = new URL(address.value.trim());
    return /^https?:$/.test(protocol) ? href.replace(/\/+$/, "") : null;
  } catch { return null; }
};

const link = () => {
  const base = wanted.checked ? server() : null;
  document.querySelectorAll("[data-mlflow]").forEach((place) => {
    const old = place.querySelector(":scope > a");
    if (old) old.replaceWith(...old.childNodes);
    if (!base) return;
    const made = Object.assign(document.createElement("a"), { href: `${base}/#/${place.dataset.mlflow}` });
    made.append(...place.childNodes);
    place.append(made);
  });
  address.setAttribute("aria-invalid", String(!server()));
};

const saved = remembered();
if (saved) [wanted.checked, address.value] = [saved.on, saved.address];
// Somebody who names a server of their own can reach it; and this page may come from the machine itself.
else wanted.checked = LOCAL.includes(location.hostname) || Boolean(server() && !LOCAL.includes(new URL(server()).hostname));
box.hidden = false;
for (const input of [wanted, address]) input.addEventListener("change", () => { remember(); link(); });
if (wanted.checked) link();
