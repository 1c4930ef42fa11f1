// Quick questions: show what the chosen option deserves to be told. Without this script the answers stand folded below.
(() => {
  "use strict";
  const number = (text) => {
    const half = text.normalize("NFKC").replace(/−/g, "-").replace(/\s/g, "");
    const plain = half.replace(/,(?=\d{3}(?:\D|$))/g, "").replace(/^\+/, "");
    return /^-?(\d+\.?\d*|\.\d+)(e-?\d+)?$/i.test(plain) ? Number(plain) : NaN;
  };
  for (const quiz of document.querySelectorAll("fieldset.quiz")) {
    const told = quiz.querySelector(".quiz-feedback");
    const rows = [...quiz.querySelectorAll("details li")];
    const tell = (row) => {
      told.replaceChildren(...[...row.querySelector(".quiz-told").childNodes].map((node) => node.cloneNode(true)));
      told.classList.toggle("quiz-right", row.classList.contains("quiz-right"));
      told.classList.toggle("quiz-wrong", row.classList.contains("quiz-wrong"));
    };
    if (quiz.dataset.kind === "choice") {
      for (const input of quiz.querySelectorAll("input")) {
        input.checked = false;
        input.addEventListener("change", () => tell(rows[Number(input.value)]));
      }
      continue;
    }
    const line = quiz.querySelector(".quiz-number"), input = line.querySelector("input");
    const check = () => {
      if (!input.value.trim()) {
        told.classList.remove("quiz-right", "quiz-wrong");
        told.textContent = line.dataset.empty;
        input.focus();
        return;
      }
      const given = number(input.value);
      tell(rows.find((row) => Number(row.dataset.value) === given) || rows[rows.length - 1]);
    };
    line.hidden = false;
    line.querySelector("button").addEventListener("click", check);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); check(); }
    });
  }
})();
