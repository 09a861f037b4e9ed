// Opens what a link points into: folded tables, and sections that are folded on a phone.
const target = () => {
  try {
    return document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return null; // no address of this page
  }
};

const reveal = () => {
  const place = target();
  const closed = place?.closest("details:not([open])");
  const folded = place?.closest("section.folded");
  if (closed) closed.open = true;
  folded?.querySelector("h2 > button").click();
  if (closed || folded) place.scrollIntoView();
};
addEventListener("hashchange", reveal);
addEventListener("DOMContentLoaded", reveal); // when the other scripts have folded what they fold
