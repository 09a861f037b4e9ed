// A shadow at the edge of a table behind which there is more of it.
const follow = (box) => {
  const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
  box.classList.toggle("cut-left", box.scrollLeft > 1);
  box.classList.toggle("cut-right", rest > 1);
};

const sizes = new ResizeObserver((changes) => changes.forEach(({ target }) => follow(target)));
document.querySelectorAll(".scroll").forEach((box) => {
  sizes.observe(box);
  box.addEventListener("scroll", () => follow(box), { passive: true });
});
