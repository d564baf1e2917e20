/* What the console adds when scripts run. Every page works without it. No inline handlers: the CSP forbids them. */
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  const $ = (selector, scope = document) => scope.querySelector(selector);
  const $$ = (selector, scope = document) => [...scope.querySelectorAll(selector)];
  const on = (type, selector, handler) =>
    document.addEventListener(type, (event) => {
      const target = event.target instanceof Element ? event.target.closest(selector) : null;
      if (target) handler(event, target);
    });

  // A live region speaks only when its text changes, so it is emptied first.
  const announce = (text) => {
    const region = $("#announcer");
    if (!region) return;
    region.textContent = "";
    window.setTimeout(() => { region.textContent = text; }, 50);
  };
  const words = () => $("#words")?.dataset ?? {};

  /* Tabs: on a narrow screen the row is wider than the page, and the current one may lie outside. */
  for (const tab of $$(".tabs [aria-current]")) {
    const row = tab.parentElement;
    if (row.scrollWidth > row.clientWidth) row.scrollLeft = tab.offsetLeft - row.offsetLeft;
  }

  /* Copy */
  const copyFallback = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr-only";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  on("click", "[data-copy]", async (event, button) => {
    event.preventDefault();
    const text = button.dataset.copy;
    let done = false;
    try { await navigator.clipboard.writeText(text); done = true; } catch { done = copyFallback(text); }
    button.focus();
    if (!done) { announce(words().copyFailed ?? ""); return; }
    button.dataset.copied = "";
    announce(words().copied ?? "");
    window.setTimeout(() => delete button.dataset.copied, 1600);
  });

  /* Theme: switch at once, tell the server beside it so that the cookie lasts. */
  on("submit", "[data-preferences]", (event, form) => {
    const button = event.submitter;
    if (!button || button.name !== "theme") return;
    event.preventDefault();
    root.dataset.theme = button.value;
    $$("[name=theme]", form).forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    const data = new FormData(form);
    data.set("theme", button.value);
    fetch(form.action, { method: "POST", body: data, redirect: "manual" }).catch(() => form.submit());
  });

  /* Time zone: offer the browser's own zone when the list lacks it. */
  $$("[data-time-zones]").forEach((select) => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && ![...select.options].some((option) => option.value === zone)) select.add(new Option(zone, zone));
  });

  /* Messages */
  on("click", "[data-dismiss]", (_event, button) => {
    button.closest("[data-dismissible]")?.remove();
    $("#main")?.focus({ preventScroll: true });
  });

  /* Menus: one open at a time; Escape and a click outside close them. */
  const closeMenus = (except) => $$("details[data-menu][open]").forEach((menu) => { if (menu !== except) menu.open = false; });
  document.addEventListener("click", (event) => {
    closeMenus(event.target instanceof Element ? event.target.closest("details[data-menu]") : null);
  });
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (menu instanceof HTMLDetailsElement && menu.open) $("[data-autofocus]", menu)?.focus();
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = $("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    $("summary", menu)?.focus();
  });

  /* Filtering a list that is already on the page, such as the switcher. */
  const filterList = (input) => {
    const list = $(input.dataset.filter);
    const wanted = input.value.trim().toLowerCase().split(/\s+/);
    const matches = (item) => wanted.every((word) => item.textContent.toLowerCase().includes(word));
    const items = $$("[data-filter-item]", list);
    items.forEach((item) => { item.hidden = !matches(item); });
    $$("[data-filter-group]", list).forEach((group) => { group.hidden = !$("[data-filter-item]:not([hidden])", group); });
    const none = $("[data-filter-none]", list);
    if (none) none.hidden = items.some((item) => !item.hidden);
  };
  on("input", "[data-filter]", (_event, input) => filterList(input));
  on("keydown", "[data-filter]", (event, input) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    $("[data-filter-item]:not([hidden]) a", $(input.dataset.filter))?.click();
  });

  /* A form is sent once: its buttons rest until the page is shown again. */
  const release = () => $$("[data-busy]").forEach((button) => { button.disabled = false; delete button.dataset.busy; });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.matches("[data-many], [target=_blank]")) return;
    // Disabled in the next turn: a disabled button's own name and value would not be sent.
    window.setTimeout(() => [...form.elements].filter((element) => element.type === "submit").forEach((button) => {
      button.disabled = true;
      button.dataset.busy = "";
    }), 0);
  });
  window.addEventListener("pageshow", release);
  document.addEventListener("htmx:afterRequest", release);

  /* Tick all rows of this page */
  const boxesOf = (all) => $$(`input[type=checkbox][name="${all.dataset.selectAll}"]:not(:disabled)`, all.closest("form, table") ?? document);
  const syncSelection = (all) => {
    const boxes = boxesOf(all);
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = boxes.length > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    $$("[data-selected-count]").forEach((place) => { place.textContent = ticked; });
    $$("[data-needs-selection]").forEach((button) => { button.disabled = ticked === 0; });
  };
  on("change", "[data-select-all]", (_event, all) => {
    boxesOf(all).forEach((box) => { box.checked = all.checked; });
    syncSelection(all);
  });
  on("change", "input[type=checkbox]:not([data-select-all])", () => $$("[data-select-all]").forEach(syncSelection));
  $$("[data-select-all]").forEach(syncSelection);

  /* Faults first: after a form came back the summary is read out. Its links lead into the field. */
  $("[data-error-summary]")?.focus();
  on("click", "[data-error-summary] a", (event, link) => {
    const target = document.getElementById(link.hash.slice(1));
    if (!target) return;
    event.preventDefault();
    const control = target.matches("input, select, textarea") ? target : $("input, select, textarea", target) ?? target;
    control.focus();
    control.scrollIntoView({ block: "center" });
  });

  /* A search stands in the address, which has a limit: more than that is told, never cut. Of several numbers, one space each;
     a text no longer than data-several may be one number with such signs. */
  const isList = ({ value, dataset }) => "several" in dataset && value.trim().length > Number(dataset.several);
  const searched = (input) => (isList(input) ? input.value.trim().split(/[\s,;]+/).join(" ") : input.value);
  const checkLength = (input) => {
    const length = new URLSearchParams({ "": searched(input) }).toString().length - 1;
    input.setCustomValidity(length > Number(input.dataset.most) ? input.dataset.tooLong : "");
  };
  on("input", "[data-most]", (_event, input) => checkLength(input));
  document.addEventListener("submit", ({ target }) => {
    $$("[data-most]", target).forEach((input) => { input.value = searched(input); });
  });
  $$("[data-most]").forEach(checkLength);

  /* Controls that send their form when they change */
  on("change", "[data-submit-on-change]", (_event, control) => control.form?.requestSubmit());

  /* Keys: / searches, ? lists, g then a letter goes. They can be switched off (WCAG 2.1.4). */
  const KEYS_OFF = "keys-off";
  const keysAreOn = () => { try { return localStorage.getItem(KEYS_OFF) !== "1"; } catch { return true; } };
  const destinations = new Map();
  const assignKeys = () => $$("a[data-key]").forEach((link) => {
    const label = link.textContent.trim();
    const taken = (letter) => destinations.has(letter) || !/[a-z]/.test(letter);
    const letter = [link.dataset.key, ...label.toLowerCase()].find((one) => one && !taken(one));
    if (letter) destinations.set(letter, link);
  });
  const listKeys = () => {
    const list = $("[data-keys-list]");
    destinations.forEach((link, letter) => {
      const term = document.createElement("dt");
      const first = document.createElement("kbd");
      const second = document.createElement("kbd");
      first.textContent = "g";
      second.textContent = letter;
      term.append(first, " ", second);
      const detail = document.createElement("dd");
      detail.textContent = $("span", link)?.textContent ?? link.textContent;
      list?.append(term, detail);
    });
  };
  const openKeys = () => { closeMenus(); $("#keys")?.showModal(); };
  const search = () => $("[data-search]") ?? $("main input[type=search]") ?? $("main [role=search] input");
  let waitingForLetter = false;
  const isTyping = (event) =>
    event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]") ||
    (event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]"));
  document.addEventListener("keydown", (event) => {
    if (isTyping(event) || !keysAreOn()) return;
    if (waitingForLetter) {
      waitingForLetter = false;
      const link = destinations.get(event.key.toLowerCase());
      if (link) { event.preventDefault(); link.click(); }
    } else if (event.key === "g") {
      waitingForLetter = true;
      window.setTimeout(() => { waitingForLetter = false; }, 1500);
    } else if (event.key === "?") {
      event.preventDefault();
      openKeys();
    } else if (event.key === "/" && search()) {
      event.preventDefault();
      search().focus();
      search().select();
    }
  });
  on("click", "[data-open-keys]", openKeys);
  on("change", "[data-keys-switch]", (_event, box) => {
    try { localStorage.setItem(KEYS_OFF, box.checked ? "0" : "1"); } catch { /* private mode: the choice lasts for this page */ }
  });
  const keySwitch = $("[data-keys-switch]");
  if (keySwitch) keySwitch.checked = keysAreOn();
  assignKeys();
  listKeys();
})();
