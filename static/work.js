/* Working on lists and between pages: choosing rows, the palette, keys that go somewhere, copying text that
   the server writes. Everything works without it: ticks and a button, a page, links. */
"use strict";
(() => {
  const said = (words) => {
    const place = document.getElementById("said");
    if (place) place.textContent = words;
  };
  const keysOn = () => {
    try { return localStorage.getItem("ctem-keys") !== "off"; } catch { return true; }
  };
  const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]");

  // --- choosing rows: x ticks the row that has the focus, Shift and a click tick all between
  const boxes = () => [...document.querySelectorAll("input[form=chosen][type=checkbox]")];
  let last = null;
  const count = () => {
    const form = document.querySelector("[data-chosen]");
    if (!form) return;
    const all = form.querySelector("[data-chosen-all]").checked;
    const number = boxes().filter((box) => box.checked).length;
    form.classList.toggle("is-used", all || number > 0);
    form.querySelector("[data-chosen-count]").textContent = all
      ? "All that match are chosen."
      : number ? `${number} chosen on this page.` : "Choose findings below, or all that match.";
    for (const box of boxes()) box.closest("[data-row]")?.classList.toggle("is-chosen", box.checked || all);
  };
  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("input[form=chosen]");
    if (box && event.shiftKey && last && last !== box) {
      const every = boxes();
      const [from, to] = [every.indexOf(last), every.indexOf(box)].sort((a, b) => a - b);
      for (const one of every.slice(Math.max(from, 0), to + 1)) one.checked = box.checked;
    }
    if (box) last = box;
    if (event.target.closest?.("[data-chosen-none]")) {
      for (const one of [...boxes(), document.querySelector("[data-chosen-all]")]) one.checked = false;
    }
    count();
  });
  document.addEventListener("htmx:afterSettle", () => { last = null; count(); });
  const tick = () => {
    const box = document.activeElement?.closest("[data-row]")?.querySelector("input[form=chosen]");
    if (!box) return;
    box.checked = !box.checked;
    last = box;
    count();
    said(box.checked ? "Chosen." : "Not chosen.");
  };
  const act = () => document.querySelector("[data-chosen].is-used")?.requestSubmit();

  // --- g and then a letter goes to a page; the letters are on the links of the navigation
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !keysOn()) return;
    if (going && Date.now() - going < 1500) {
      going = 0;
      const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        event.stopImmediatePropagation(); // n, p and others have a meaning of their own
        link.click();
      }
      return;
    }
    going = event.key === "g" ? Date.now() : 0;
    if (event.key === "x") { event.preventDefault(); tick(); }
    if (event.key === "b") { event.preventDefault(); act(); }
  }, true);

  // --- the palette: a search field whose answers are chosen with the arrows
  const palette = () => document.getElementById("palette");
  const field = () => palette().querySelector("input");
  const found = () => document.getElementById("palette-found");
  let asked = 0;
  let timer = 0;
  const openPalette = () => {
    if (!palette() || palette().open) return;
    palette().showModal();
    field().value = "";
    ask("");
  };
  const choose = (option) => {
    for (const one of found().children) one.setAttribute("aria-selected", String(one === option));
    if (option) {
      field().setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else field().removeAttribute("aria-activedescendant");
  };
  const show = (hits) => {
    found().replaceChildren(...hits.map((hit, number) => {
      const option = document.createElement("li");
      option.id = `palette-${number}`;
      option.setAttribute("role", "option");
      option.dataset.url = hit.url;
      const kind = document.createElement("span");
      kind.className = "kind";
      kind.textContent = hit.kind;
      const words = document.createElement("span");
      words.className = "words";
      words.textContent = hit.words;
      const detail = document.createElement("span");
      detail.className = "detail";
      detail.textContent = hit.detail;
      option.append(kind, words, detail);
      return option;
    }));
    choose(found().firstElementChild);
    document.getElementById("palette-says").textContent = `${hits.length} places`;
  };
  const ask = async (words) => {
    const number = ++asked;
    try {
      const url = `${palette().dataset.url}?${new URLSearchParams({ q: words })}`;
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (answer.redirected) { location.reload(); return; } // signed out meanwhile
      const told = await answer.json();
      if (number === asked) show(told.hits);
    } catch {
      document.getElementById("palette-says").textContent = "The server did not answer.";
    }
  };
  const goTo = (option) => {
    const url = option?.dataset.url ?? "";
    if (url.startsWith("/") && !url.startsWith("//")) location.assign(url);
  };
  document.addEventListener("input", (event) => {
    if (!event.target.closest?.("#palette")) return;
    clearTimeout(timer);
    timer = setTimeout(() => ask(field().value), 80);
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.closest?.("#palette")) return;
    const now = found().querySelector("[aria-selected=true]");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = event.key === "ArrowDown" ? now?.nextElementSibling : now?.previousElementSibling;
      choose(next ?? (event.key === "ArrowDown" ? found().firstElementChild : found().lastElementChild));
    }
    if (event.key === "Enter" && now) { event.preventDefault(); goTo(now); }
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-palette]");
    if (opener && !event.ctrlKey && !event.metaKey) { event.preventDefault(); openPalette(); }
    const option = event.target.closest?.("#palette-found > li");
    if (option) goTo(option);
    if (event.target === palette()) palette().close(); // beside it
  });

  // --- copying what the server writes: a link to the text, which a click copies instead
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("[data-copies-from]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    try {
      const answer = await fetch(link.href);
      if (!answer.ok || answer.redirected) throw new Error("not answered");
      await navigator.clipboard.writeText(await answer.text());
      said("Copied.");
      const drawn = link.querySelector("use");
      drawn?.setAttribute("href", "#i-check");
      setTimeout(() => drawn?.setAttribute("href", "#i-copy"), 2000);
    } catch {
      location.assign(link.href);
    }
  });

  // --- a click on the number of a line of a diff makes it the address; the line of the address stands out
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.(".diff .ln")?.closest("tr[id]");
    if (row) location.hash = row.id;
  });

  // --- a menu closes where the focus or a click leaves it, or by Escape
  const closeMenus = (target) => {
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(target)) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("focusin", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.(".menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });
  document.addEventListener("DOMContentLoaded", count);
})();
