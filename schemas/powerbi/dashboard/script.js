// One page at a time: the one that the address names, else the first. Arrow keys turn pages.
const pages = [...document.querySelectorAll(".page")];
function show() {
  const wanted = pages.find((page) => "#" + page.id === location.hash) ?? pages[0];
  for (const page of pages) page.classList.toggle("shown", page === wanted);
  scrollTo(0, 0);
}
document.body.classList.add("single");
addEventListener("hashchange", show);
addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, PageDown: 1, ArrowUp: -1, PageUp: -1 }[event.key];
  const next = step && pages[pages.findIndex((page) => page.classList.contains("shown")) + step];
  if (next) location.hash = next.id;
});
show();
