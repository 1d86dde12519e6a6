/* What a page can do beyond links and forms: theme, keyboard, copying. Everything works without it.
   Loaded in the head and not deferred, so that the chosen theme is there before the first paint. */
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  const keep = {
    get(name) {
      try { return localStorage.getItem(name); } catch { return null; }
    },
    set(name, value) {
      try { localStorage.setItem(name, value); } catch { /* private mode: the choice lasts for this page */ }
    },
  };

  // --- theme: follows the system until somebody chooses
  const THEMES = ["system", "light", "dark"];
  const themeNow = () => (THEMES.includes(keep.get("ctem-theme")) ? keep.get("ctem-theme") : "system");
  const applyTheme = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
  };
  let theme = themeNow();
  applyTheme(theme);

  const ICONS = { system: "sun-moon", light: "sun", dark: "moon" };
  const showTheme = (button) => {
    button.querySelector("use").setAttribute("href", `#i-${ICONS[theme]}`);
    button.setAttribute("aria-label", `Theme: ${theme}. Change it`);
    button.title = `Theme: ${theme}`;
  };

  // --- keyboard: j and k walk the rows, Enter opens, / searches, ? explains; can be switched off
  const keysOn = () => keep.get("ctem-keys") !== "off";
  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);
  const linkOf = (row) => row.querySelector("a[href]");
  const walk = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const row = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
    linkOf(row)?.focus();
    row.scrollIntoView({ block: "nearest" });
  };
  const follow = (name) => document.querySelector(`[data-key="${name}"]`)?.click();
  const KEYS = {
    j: () => walk(1),
    k: () => walk(-1),
    n: () => follow("next"),
    p: () => follow("previous"),
    "/": () => document.querySelector("[data-search]")?.focus(),
    "?": () => document.getElementById("keys")?.showModal(),
  };
  const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (!(event.key in KEYS) || !keysOn()) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  document.addEventListener("focusin", (event) => {
    document.querySelector(".is-at")?.classList.remove("is-at");
    event.target.closest?.("[data-row]")?.classList.add("is-at");
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[aria-disabled=true]")) event.preventDefault();
    if (button.matches("[data-theme-toggle]")) {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      keep.set("ctem-theme", theme);
      applyTheme(theme);
      showTheme(button);
    }
    if (button.matches("[data-opens]")) document.getElementById(button.dataset.opens)?.showModal();
    if (button.matches("[data-copies]")) copy(button);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-keys-switch]")) keep.set("ctem-keys", event.target.checked ? "on" : "off");
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });

  const copy = async (button) => {
    const said = document.getElementById("said");
    const text = document.getElementById(button.dataset.copies)?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text.trim());
      if (said) said.textContent = "Copied.";
      const drawn = button.querySelector("use");
      drawn?.setAttribute("href", "#i-check");
      setTimeout(() => drawn?.setAttribute("href", "#i-copy"), 2000);
    } catch {
      if (said) said.textContent = "Could not copy; select the text instead.";
    }
  };

  // --- htmx: say what a swap brought; a failed request is told, not swallowed
  document.addEventListener("htmx:afterSwap", (event) => {
    const said = document.getElementById("said");
    const summary = event.target.querySelector?.("[data-says]");
    if (said && summary) said.textContent = summary.textContent.trim();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // Signed out meanwhile: the answer is the sign-in page, which is no part of this one.
    if (!new URL(event.detail.xhr.responseURL || location.href).pathname.startsWith("/sign-in/")) return;
    event.detail.shouldSwap = false;
    location.reload();
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 403 || event.detail.xhr.status === 401) location.reload();
    const said = document.getElementById("said");
    if (said) said.textContent = "The server did not answer as expected. Reload the page.";
  });

  // Filters stand beside the list where there is room, else they are folded above it.
  const foldFilters = () => {
    if (!matchMedia("(width < 64rem)").matches) return;
    for (const fold of document.querySelectorAll(".facet-fold")) fold.open = false;
  };
  document.addEventListener("htmx:afterSettle", foldFilters);

  document.addEventListener("DOMContentLoaded", () => {
    foldFilters();
    for (const button of document.querySelectorAll("[data-theme-toggle]")) showTheme(button);
    for (const box of document.querySelectorAll("[data-keys-switch]")) box.checked = keysOn();
    // A form that was refused, or linked to, opens where it is folded away.
    const opened = location.hash && document.getElementById(location.hash.slice(1))?.closest("details");
    if (opened) opened.open = true;
  });
})();
