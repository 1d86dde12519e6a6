/* Telling an open page that something changed: asks for one short version, as often as the server says, and
   only while somebody looks at the page. A part of a page that listens (hx-trigger="live from:body") is
   fetched again; the rest stays as it is until it is asked for. */
"use strict";
(() => {
  const REST = 15; // seconds between questions of a page on which nothing moves by itself
  const MOST = 120; // seconds between questions to a server that does not answer
  let place = null;
  let tag = "";
  let timer = 0;
  let failed = 0;

  const later = (seconds) => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(ask, seconds * 1000 * (0.8 + 0.4 * Math.random()));
  };
  const tell = () => {
    document.body.dispatchEvent(new CustomEvent("live"));
    const notice = place.querySelector("[hidden]");
    if (notice && !document.querySelector("[data-live-part]")) notice.hidden = false;
  };
  const ask = async () => {
    let after = REST;
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(place.dataset.live, { headers, cache: "no-store", redirect: "error" });
      if (answer.status !== 200 && answer.status !== 304) throw new Error("not answered");
      after = Number(answer.headers.get("Poll-After")) || after;
      const now = answer.headers.get("ETag") || tag;
      const changed = tag && answer.status === 200 && now !== tag;
      tag = now;
      failed = 0;
      if (changed) tell();
    } catch {
      failed += 1; // signed out, or the server is down: ask ever more rarely
      after = Math.min(MOST, REST * 2 ** failed);
    }
    later(document.querySelector("[data-live-part]") ? after : Math.max(after, REST));
  };
  document.addEventListener("visibilitychange", () => {
    if (!place) return;
    clearTimeout(timer);
    if (!document.hidden) ask();
  });
  document.addEventListener("DOMContentLoaded", () => {
    place = document.querySelector("[data-live]");
    if (place && !document.hidden) ask();
  });
})();
