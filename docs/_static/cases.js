// Filters the catalogue of cases. The filter is in the URL's query, so that it can be linked to.
"use strict";

const form = document.querySelector(".case-filter");
const sections = [...document.querySelectorAll("section section")].filter((s) => s.querySelector(".case"));
const cases = sections.flatMap((section) => {
    const title = section.querySelector("h2").firstChild.textContent;
    return [...section.querySelectorAll(".case")].map((element) => ({ element, section, title }));
});

// A pattern with * is of names; other text is words, all of which the case has.
function matcher(text) {
    if (text.includes("*")) {
        const parts = text.trim().split("*").map((part) => part.replace(/[^\w-]/g, "\\$&"));
        const pattern = new RegExp(`^${parts.join(".*")}$`);
        return ({ element }) => pattern.test(element.id);
    }
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (one) => {
        one.text ??= one.element.textContent.toLowerCase();
        return words.every((word) => one.text.includes(word));
    };
}

function show() {
    const wanted = Object.fromEntries(new FormData(form));
    const hasText = matcher(wanted.q);
    const left = new Set();
    let count = 0;
    for (const one of cases) {
        const { level, status } = one.element.dataset;
        const found =
            (!wanted.section || one.title === wanted.section) &&
            (!wanted.level || level === wanted.level) &&
            (!wanted.status || status.split(" ").includes(wanted.status)) &&
            hasText(one);
        one.element.hidden = !found;
        if (found) {
            left.add(one.section);
            count += 1;
        }
    }
    for (const section of sections) {
        section.hidden = !left.has(section);
    }
    form.querySelector("output").value = `${count} of ${cases.length} cases`;
}

function keep() {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    const url = new URL(location.href);
    url.search = query;
    url.hash = "";
    try {
        history.replaceState(null, "", url);
    } catch {
        // Some browsers let no page from a file have another URL.
    }
}

function targetOf(hash) {
    try {
        return document.getElementById(decodeURIComponent(hash.slice(1)));
    } catch {
        return null; // The hash is no valid percent-encoding, as in #%.
    }
}

function open() {
    const target = targetOf(location.hash);
    if (target?.matches(".case")) {
        if (target.hidden) {
            form.reset();
            show();
        }
        target.open = true;
        target.scrollIntoView();
    }
}

for (const [name, value] of new URLSearchParams(location.search)) {
    const control = form.elements.namedItem(name);
    if (control) {
        control.value = value;
    }
}
form.hidden = false;
form.addEventListener("input", () => (show(), keep()));
form.addEventListener("reset", () => setTimeout(() => (show(), keep())));
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", open);
show();
open();
