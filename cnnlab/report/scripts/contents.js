// The contents: folded where they stand above the page, and the section that is read is marked in them.
const contents = document.querySelector("nav details");
const wide = matchMedia("(min-width: 82rem)");
const fold = () => { contents.open = wide.matches; };
wide.addEventListener("change", fold);
fold();

const nav = contents.closest("nav");
const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));

const mark = (link) => {
  nav.querySelector("[aria-current]")?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  const [box, frame] = [link, nav].map((each) => each.getBoundingClientRect());
  if (box.top < frame.top || box.bottom > frame.bottom) nav.scrollTop += box.top - frame.top - frame.height / 2;
};

// The section that crosses a line in the upper part of the window.
const reader = new IntersectionObserver(
  (changes) => changes.filter((change) => change.isIntersecting).forEach(({ target }) => mark(links.get(target.id))),
  { rootMargin: "-20% 0px -80% 0px" },
);
document.querySelectorAll("main > section").forEach((section) => { if (links.has(section.id)) reader.observe(section); });

const top = document.querySelector("a.top");
new IntersectionObserver(([header]) => { top.hidden = header.isIntersecting; }).observe(document.querySelector("header"));
