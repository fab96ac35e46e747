/* book.js: what a page can do beyond being read: light and dark, the drawer, copying code, search, where you are.
 * Without it every page reads the same and every link works. */
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // -- Light and dark: the system's choice until the reader makes one -------------------------------------------
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
  for (const button of all("button.theme")) {
    button.addEventListener("click", () => {
      const next = isDark() ? "light" : "dark";
      root.dataset.theme = next;
      try { localStorage.setItem("treadle-theme", next); } catch { /* a browser without storage forgets */ }
    });
  }

  // -- The drawer with the contents, on narrow screens --------------------------------------------------------------
  const sidebar = document.getElementById("sidebar");
  const drawer = (open) => {
    root.classList.toggle("drawer-open", open);
    (open ? sidebar.querySelector("a") : document.querySelector(".menu")).focus({ preventScroll: true });
  };
  document.querySelector(".menu").addEventListener("click", (event) => { event.preventDefault(); drawer(true); });
  sidebar.querySelector(".close").addEventListener("click", (event) => { event.preventDefault(); drawer(false); });
  sidebar.addEventListener("click", (event) => { if (event.target.closest("li a")) root.classList.remove("drawer-open"); });
  document.addEventListener("pointerdown", (event) => {
    if (root.classList.contains("drawer-open") && !sidebar.contains(event.target)) { event.preventDefault(); drawer(false); }
  });
  const current = sidebar.querySelector('[aria-current="page"]');
  if (current && current.offsetTop > sidebar.clientHeight * 0.7) sidebar.scrollTop = current.offsetTop - sidebar.clientHeight / 2;

  // -- Copying: code without numbers, of a console only what was typed -----------------------------------------------
  const icon = (path) => {
    const holder = document.createElement("div");
    holder.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true"><path d="${path}"/></svg>`;
    return holder.firstChild;
  };
  const copyIcon = "M7 6.5V4.2A1.2 1.2 0 0 1 8.2 3h7.6A1.2 1.2 0 0 1 17 4.2v7.6a1.2 1.2 0 0 1-1.2 1.2h-2.3M4.2 7h7.6A1.2 1.2 0 0 1 13 8.2v7.6a1.2 1.2 0 0 1-1.2 1.2H4.2A1.2 1.2 0 0 1 3 15.8V8.2A1.2 1.2 0 0 1 4.2 7z";
  const doneIcon = "m4 10.5 4 4 8-9";
  const textOf = (figure) => {
    const commands = all(".command", figure);
    return commands.length ? commands.map((c) => c.textContent).join("\n") : figure.querySelector("pre").textContent;
  };
  const toClipboard = async (text) => {
    if (navigator.clipboard) { try { return await navigator.clipboard.writeText(text); } catch { /* not allowed here: the old way */ } }
    const area = make("textarea", { style: "position:fixed;opacity:0" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  for (const figure of all("figure.listing, figure.inline-code, figure.console, figure.plain-code")) {
    const button = make("button", { class: "copy", type: "button", "aria-label": "Copy", title: "Copy" }, icon(copyIcon));
    button.addEventListener("click", async () => {
      await toClipboard(textOf(figure));
      button.classList.add("done");
      button.replaceChildren(icon(doneIcon));
      setTimeout(() => { button.classList.remove("done"); button.replaceChildren(icon(copyIcon)); }, 1500);
    });
    figure.append(button);
  }

  // -- Which section is being read -------------------------------------------------------------------------------------
  const rows = new Map(all(".sections a", sidebar).map((a) => [a.hash.slice(1), a]));
  if (rows.size) {
    const heads = all("h2[id]").filter((h) => rows.has(h.id));
    const mark = () => {
      const passed = heads.filter((h) => h.getBoundingClientRect().top < innerHeight * 0.3);
      for (const row of rows.values()) row.classList.remove("here");
      if (passed.length) rows.get(passed.at(-1).id).classList.add("here");
    };
    let due = false;
    addEventListener("scroll", () => {
      if (due) return;
      due = true;
      requestAnimationFrame(() => { due = false; mark(); });
    }, { passive: true });
    mark();
  }

  // -- Paper shows what is folded on the screen -------------------------------------------------------------------------
  let folded = [];
  addEventListener("beforeprint", () => { folded = all(".prose details:not([open])"); folded.forEach((d) => { d.open = true; }); });
  addEventListener("afterprint", () => folded.forEach((d) => { d.open = false; }));

  // -- Search -------------------------------------------------------------------------------------------------------------
  const dialog = document.querySelector("dialog.search");
  const input = dialog.querySelector("input");
  const list = dialog.querySelector(".search-results");
  const status = dialog.querySelector(".search-status");
  let loading = null;

  const load = () => loading ??= new Promise((resolve, reject) => {
    const script = make("script", { src: "search-index.js" });
    script.addEventListener("load", () => resolve(window.treadleSearch));
    script.addEventListener("error", () => { loading = null; reject(new Error("the index of the search could not be loaded")); });
    document.head.append(script);
  });

  const fold = (text) => text.toLowerCase().replace(/[\u2018\u2019]/g, "'").replace(/[\u201c\u201d]/g, '"');
  const atWord = (text, word) => {
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
      if (at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1])) return at;
    }
    return -1;
  };

  // A section must hold every word. Names and headings count most, the beginning of a word more than its middle.
  const score = (words, title, text) => {
    let sum = 0;
    for (const word of words) {
      const inTitle = title.indexOf(word);
      const inText = text.indexOf(word);
      if (inTitle < 0 && inText < 0) return 0;
      if (inTitle >= 0) sum += title === word ? 60 : atWord(title, word) >= 0 ? 30 : 12;
      if (inText >= 0) sum += (atWord(text, word) >= 0 ? 4 : 1) + Math.min(6, text.split(word).length - 1);
    }
    return sum;
  };

  const find = (data, query) => {
    const words = fold(query).split(/\s+/).filter(Boolean);
    if (!words.length) return { words, hits: [] };
    const hits = [];
    for (const [url, page, section, text] of data.sections) {
      const points = score(words, fold(section || page), fold(`${page} ${section} ${text}`));
      if (points) hits.push({ url, title: section || page, place: section ? page : "", text, points: points + 2 });
    }
    for (const [url, name, place, text] of data.symbols) {
      const points = score(words, fold(name), fold(`${name} ${text}`));
      if (points) hits.push({ url, title: name, place, text, points, code: true });
    }
    hits.sort((a, b) => b.points - a.points);
    return { words, hits };
  };

  const marked = (text, words) => {
    const low = fold(text);
    const spans = words.flatMap((word) => { const at = low.indexOf(word); return at < 0 ? [] : [[at, at + word.length]]; }).sort((a, b) => a[0] - b[0]);
    const parts = [];
    let end = 0;
    for (const [from, to] of spans) {
      if (from < end) continue;
      parts.push(text.slice(end, from), make("mark", {}, text.slice(from, to)));
      end = to;
    }
    return [...parts, text.slice(end)];
  };
  const excerpt = (text, words) => {
    const low = fold(text);
    const at = Math.min(...words.map((w) => low.indexOf(w)).filter((i) => i >= 0), text.length);
    const from = at >= text.length ? 0 : Math.max(0, text.lastIndexOf(" ", Math.max(0, at - 60)) + 1);
    const long = from + 170 < text.length;
    const cut = long ? text.slice(from, text.lastIndexOf(" ", from + 170)) : text.slice(from);
    return (from ? "… " : "") + cut + (long ? " …" : "");
  };

  const show = ({ words, hits }) => {
    status.textContent = !words.length ? "" : hits.length ? `${hits.length} ${hits.length === 1 ? "place" : "places"}` : "Nothing found. Every word must occur in a section.";
    list.replaceChildren(...hits.slice(0, 40).map((hit) => {
      const title = make(hit.code ? "code" : "b", {}, ...marked(hit.title, words));
      const link = make("a", { href: hit.url }, title, make("small", {}, hit.place ? `  ${hit.place}` : ""));
      if (hit.text) link.append(make("span", { class: "excerpt" }, ...marked(excerpt(hit.text, words), words)));
      return make("li", {}, link);
    }));
    choose(0);
  };
  const choose = (index) => {
    const links = all("a", list);
    links.forEach((a, i) => a.classList.toggle("chosen", i === index));
    if (links[index]) links[index].scrollIntoView({ block: "nearest" });
  };
  const chosen = () => all("a", list).findIndex((a) => a.classList.contains("chosen"));

  const search = async () => {
    const query = input.value;
    try {
      const data = await load();
      if (query === input.value) show(find(data, query));
    } catch (error) {
      status.textContent = `Search does not work: ${error.message}.`;
    }
  };
  const open = () => {
    root.classList.remove("drawer-open");
    if (!dialog.open) dialog.showModal();
    input.select();
    load().catch(() => {});
  };

  all(".search-open").forEach((button) => button.addEventListener("click", open));
  input.addEventListener("input", search);
  dialog.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest(".search-results a")) dialog.close(); });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    if (event.submitter === null || event.submitter === undefined) event.preventDefault();
  });
  input.addEventListener("keydown", (event) => {
    const count = all("a", list).length;
    if (event.key === "ArrowDown") { choose(Math.min(count - 1, chosen() + 1)); event.preventDefault(); }
    if (event.key === "ArrowUp") { choose(Math.max(0, chosen() - 1)); event.preventDefault(); }
    if (event.key === "Escape") { event.preventDefault(); dialog.close(); }  // by itself a field of this type would only empty
    if (event.key === "Enter") { event.preventDefault(); const link = list.querySelector("a.chosen"); if (link) { dialog.close(); location.href = link.href; } }
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "Escape" && root.classList.contains("drawer-open")) drawer(false);
    if (typing || event.altKey || dialog.open) return;
    if ((event.key === "/" && !event.ctrlKey && !event.metaKey) || (event.key === "k" && (event.ctrlKey || event.metaKey))) { event.preventDefault(); open(); }
  });
})();
