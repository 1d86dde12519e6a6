/* Passkeys: a form marked data-passkey asks the browser for one before it is sent.
   "create" makes one, "get" shows one; what to ask for stands in data-options, or is fetched from data-options-from. */
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const asked = (options) => {
    const told = { ...options.publicKey, challenge: bytes(options.publicKey.challenge) };
    if (told.user) told.user = { ...told.user, id: bytes(told.user.id) };
    for (const name of ["allowCredentials", "excludeCredentials"]) {
      if (told[name]) told[name] = told[name].map((one) => ({ ...one, id: bytes(one.id) }));
    }
    return { publicKey: told };
  };

  const shown = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return JSON.stringify({
      type: credential.type,
      id: credential.id,
      rawId: text(credential.rawId),
      authenticatorAttachment: credential.authenticatorAttachment,
      clientExtensionResults: credential.getClientExtensionResults(),
      response,
    });
  };

  const optionsOf = async (form) => {
    if (form.dataset.options) return JSON.parse(form.dataset.options);
    const answer = await fetch(form.dataset.optionsFrom, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return (await answer.json()).request_options;
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-passkey]");
    if (!form) return;
    event.preventDefault();
    const problem = form.querySelector("[data-problem]");
    try {
      const options = asked(await optionsOf(form));
      const make = form.dataset.passkey === "create";
      const credential = await (make ? navigator.credentials.create(options) : navigator.credentials.get(options));
      form.elements.namedItem("credential").value = shown(credential);
      form.submit();
    } catch {
      if (problem) problem.hidden = false;
    }
  });
})();
