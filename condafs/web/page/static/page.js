// What pages can do besides: nothing that matters is only here, but logs that grow.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);

// Copying. The clipboard's interface is there on https and on localhost only.
async function copy(text) {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text);
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) {
    throw new Error("not copied");
  }
}

for (const button of all(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const word = await copy(button.dataset.copy).then(() => "Copied", () => "Press Ctrl-C");
    if (word !== "Copied") {
      getSelection().selectAllChildren(button.previousElementSibling);
    }
    button.textContent = word;
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
}

// The table of packages.
for (const input of all("[data-filter]")) {
  const rows = [...document.getElementById(input.dataset.filter).rows];
  const count = document.getElementById("package-count");
  const button = one("button", input.form);
  button.hidden = true;
  input.form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${rows.length}`;
  });
}

// A build in the making: its log as it grows, and how far it is. When it ends, the page is asked for anew.
const MOST_CHARACTERS = 400000;

function showProgress(progress) {
  const items = all(".phases li");
  const place = items.findIndex((item) => item.dataset.phase === progress.phase);
  items.forEach((item, index) => {
    item.className = index < place ? "past" : index === place ? "now" : "";
    item.toggleAttribute("aria-current", index === place);
  });
  const bar = one("progress");
  if (progress.total) {
    bar.max = progress.total;
    bar.value = progress.done || 0;
  } else {
    bar.removeAttribute("value");
  }
  const amount = progress.total ? ` ${progress.done || 0}/${progress.total}` : "";
  const what = progress.package ? ` · ${progress.package}` : "";
  one("#progress").textContent = progress.phase ? `${progress.phase}${amount}${what}` : progress.state || "";
}

function follow(log) {
  let source = null;
  let isFresh = true;
  const begin = () => {
    isFresh = true;
    source = new EventSource(log.dataset.follow);
    source.addEventListener("log", (event) => {
      const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      const before = isFresh ? "" : log.textContent;
      isFresh = false;
      log.textContent = `${before}${event.data}\n`.slice(-MOST_CHARACTERS);
      if (isAtEnd) {
        log.scrollTop = log.scrollHeight;
      }
    });
    source.addEventListener("progress", (event) => showProgress(JSON.parse(event.data)));
    source.addEventListener("end", () => {
      source.close();
      location.replace(location.pathname);
    });
  };
  log.scrollTop = log.scrollHeight;
  begin();
  // A browser has six connections to a server: pages that nobody looks at hold none.
  document.addEventListener("visibilitychange", () => {
    source.close();
    if (!document.hidden) {
      begin();
    }
  });
}

all("[data-follow]").forEach(follow);

// The list, while something in it is being built.
async function refresh(list) {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const fresh = one("#environments", new DOMParser().parseFromString(await answer.text(), "text/html"));
      if (answer.ok && fresh && !list.contains(document.activeElement)) {
        list.replaceWith(fresh);
        list = fresh;
      }
    } catch {
      // The server is away for a moment.
    }
  }
  if (list.dataset.refresh) {
    setTimeout(refresh, list.dataset.refresh * 1000, list);
  }
}

for (const list of all("#environments[data-refresh]")) {
  setTimeout(refresh, list.dataset.refresh * 1000, list);
}
for (const box of all(".search .switch input")) {
  box.addEventListener("change", () => box.form.submit());
}

// Writing a specification: numbers beside the lines, and what is wrong while one types.
function edit(form) {
  const area = one("textarea", form);
  const gutter = one(".gutter", form);
  const checked = one("#checked", form);
  const problem = one("#problem");
  let timer = 0;
  let number = 0;

  const layOut = () => {
    const lines = Math.max(area.value.split("\n").length + 1, 16);
    area.rows = lines;
    while (gutter.childElementCount < lines) {
      gutter.append(Object.assign(document.createElement("span"), { textContent: gutter.childElementCount + 1 }));
    }
    while (gutter.childElementCount > lines) {
      gutter.lastElementChild.remove();
    }
  };
  const mark = (line) => [...gutter.children].forEach((span, index) => span.classList.toggle("bad", index + 1 === line));
  const show = (answer) => {
    problem.hidden = !answer.problem;
    one("pre", problem).textContent = answer.problem || "";
    mark(answer.line || 0);
    const known = { ready: "built already, so it will be there at once", failed: "it failed before" }[answer.state];
    checked.textContent = answer.problem ? "" : `${answer.name} · ${answer.digest.slice(0, 12)}${known ? ` · ${known}` : ""}`;
    checked.classList.toggle("good", !answer.problem);
  };
  const check = async () => {
    const mine = ++number;
    const body = new URLSearchParams({
      specification: area.value,
      environment: form.dataset.environment,
      name: form.elements.name ? form.elements.name.value : "",
    });
    try {
      const answer = await fetch(form.dataset.check, { method: "POST", body });
      if (answer.ok && mine === number) {
        show(await answer.json());
      }
    } catch {
      // Submitting tells.
    }
  };
  form.addEventListener("input", () => {
    layOut();
    clearTimeout(timer);
    timer = setTimeout(check, 350);
  });
  layOut();
  if (form.dataset.line) {
    const before = area.value.split("\n").slice(0, form.dataset.line - 1).join("\n").length;
    const place = before + (form.dataset.line > 1 ? 1 : 0) + Number(form.dataset.column) - 1;
    area.focus();
    area.setSelectionRange(place, place);
    mark(Number(form.dataset.line));
  } else {
    check();
  }
}

all("form.edit").forEach(edit);
