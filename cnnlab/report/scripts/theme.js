// Light, dark, or as the system has it. Stands in the head, so that the page is never seen in another theme first.
const KEY = "cnnlab-theme";

const kept = () => {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // where the browser keeps nothing for such a page
  }
};

const keep = (theme) => {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds for as long as the page is open.
  }
};

const show = (theme) => { document.documentElement.dataset.theme = theme; };

show(kept());
addEventListener("DOMContentLoaded", () => {
  const choice = document.getElementById("theme");
  choice.value = kept();
  choice.closest("label").hidden = false;
  choice.addEventListener("change", () => {
    show(choice.value);
    keep(choice.value);
  });
});
