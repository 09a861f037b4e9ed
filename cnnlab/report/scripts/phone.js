// On a phone the page is an overview that opens: sections show their titles, a long list its first entries.
const narrow = matchMedia("(max-width: 48rem)");
const sections = [...document.querySelectorAll("main > section:not(#verdicts)")];
const KEPT = 3; // of what did not hold

const makeButton = (section) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...section.querySelector("h2").childNodes);
  section.querySelector("h2").append(button);
  button.addEventListener("click", () => setFolded(section, !section.classList.contains("folded")));
};

const setFolded = (section, folded) => {
  section.classList.toggle("folded", folded);
  section.querySelector("h2 > button").setAttribute("aria-expanded", !folded);
};

const unfold = (section) => {
  section.classList.remove("folded");
  section.querySelector("h2 > button")?.replaceWith(...section.querySelector("h2 > button").childNodes);
};

const list = document.getElementById("refuted");
const more = document.createElement("button");
more.type = "button";
more.addEventListener("click", () => {
  list.classList.remove("short");
  more.remove();
});

const follow = () => {
  sections.forEach((section) => {
    if (narrow.matches) {
      makeButton(section);
      setFolded(section, true);
    } else unfold(section);
  });
  const long = narrow.matches && list?.children.length > KEPT + 1;
  list?.classList.toggle("short", long);
  if (long) {
    more.textContent = `All ${list.children.length}`;
    list.after(more);
  } else more.remove();
};
narrow.addEventListener("change", follow);
if (narrow.matches) follow();
