// A small panel beside what opened it: Escape or a click elsewhere closes it, and the focus goes back.
const panel = document.body.appendChild(document.createElement("div"));
panel.id = "panel";
panel.popover = "auto";
panel.setAttribute("role", "dialog");
panel.tabIndex = -1;

const place = (beside) => {
  const box = beside.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left, innerWidth - panel.offsetWidth - 8));
  const below = box.bottom + 4 + panel.offsetHeight < innerHeight || box.top < panel.offsetHeight;
  panel.style.left = `${left}px`;
  panel.style.top = `${Math.max(8, below ? box.bottom + 4 : box.top - panel.offsetHeight - 4)}px`;
};

let opener = null;
panel.addEventListener("toggle", (event) => {
  if (event.newState !== "closed" || !opener) return;
  if (panel.contains(document.activeElement) || document.activeElement === document.body) opener.focus();
  opener.removeAttribute("aria-expanded");
  opener = null;
});

// Shows `content`, nodes, beside an element; where the browser has no popovers, says false.
window.cnnlab = {
  ...window.cnnlab,
  show(beside, label, content) {
    if (!panel.showPopover) return false;
    opener?.removeAttribute("aria-expanded");
    if (panel.matches(":popover-open")) panel.hidePopover();
    panel.setAttribute("aria-label", label);
    panel.replaceChildren(...content);
    panel.showPopover();
    place(beside);
    opener = beside;
    if (beside.matches("button, a")) beside.setAttribute("aria-expanded", "true");
    (panel.querySelector("button") || panel).focus({ preventScroll: true });
    return true;
  },
  hide() { panel.hidePopover(); },
};
