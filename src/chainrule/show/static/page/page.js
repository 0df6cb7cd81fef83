// Sets the formulas, whose LaTeX stands in the page as text. Without this script that text is what one reads.
"use strict";
(() => {
  const MANY = 600; // A page with more formulas than this sets them as they come near; the others are set at once.
  const formulas = document.querySelectorAll(".math");

  function set(formula) {
    if (formula.dataset.done !== undefined) return;
    formula.dataset.done = "";
    const style = formula.closest(".sides") ? "\\displaystyle " : "";
    katex.render(style + formula.textContent, formula, {
      output: "htmlAndMathml", throwOnError: false, errorColor: "inherit", trust: false, strict: "ignore",
      maxExpand: 1000, maxSize: 50,
    });
  }

  function setAll(inside) {
    for (const formula of inside.querySelectorAll(".math")) set(formula);
    // What scrolls must be reachable by keyboard.
    for (const sides of inside.querySelectorAll(".sides")) if (sides.scrollWidth > sides.clientWidth + 1) sides.tabIndex = 0;
  }

  document.documentElement.classList.add("js");
  window.addEventListener("beforeprint", () => setAll(document));
  if (formulas.length <= MANY) {
    setAll(document);
    return;
  }
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        near.unobserve(entry.target);
        setAll(entry.target);
      }
    }
  }, { rootMargin: "1200px 0px" });
  for (const block of document.querySelectorAll(".line, .judged, main > p, main > h1, main > h2, main > h3")) near.observe(block);
})();
