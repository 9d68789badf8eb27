"use strict";
// A page opened by a link from elsewhere (a message, a mail) comes without the cookie. This request is the page's own, and has it.
(async () => {
  const answer = await fetch("/perfeval/session", { headers: { accept: "application/json" } });
  const { name } = await answer.json();
  if (name && !document.querySelector(".problem")) location.replace(document.querySelector("main").dataset.next);
})();
