// Shows the meaning of a clause in a sentence while one types: the server reads the fields as the engine will.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
    const said = document.getElementById("clause-meaning");
    const form = document.querySelector("#clause_form, #correctedclause_form");
    if (!said || !form || !said.dataset.preview) return;
    let timer = 0;
    let latest = 0;
    const ask = async () => {
        const mine = ++latest;
        try {
            const answer = await fetch(said.dataset.preview, { method: "POST", body: new FormData(form) });
            if (!answer.ok || mine !== latest) return;
            const found = await answer.json();
            said.textContent = found.meaning || found.missing || found.problem;
            said.classList.toggle("own-problem", Boolean(found.problem));
        } catch {
            // The page works without the preview: saving says the same.
        }
    };
    const soon = () => { clearTimeout(timer); timer = setTimeout(ask, 350); };
    form.addEventListener("input", soon);
    form.addEventListener("change", soon);
    if (window.django && window.django.jQuery) window.django.jQuery(form).on("change", "select", soon);
    soon();
});
