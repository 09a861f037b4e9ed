// Folds the contents where they would stand above the page instead of beside it.
const contents = document.querySelector("nav details");
const wide = matchMedia("(min-width: 82rem)");
const fold = () => { contents.open = wide.matches; };
wide.addEventListener("change", fold);
fold();
