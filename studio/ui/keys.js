// Keys, theme, help, address bar and download: what has to happen in the browser itself.
(() => {
  const byId = id => document.getElementById(id);
  const typing = target => Boolean(target.closest && target.closest("input, textarea, select, [contenteditable]"));
  const asking = () => document.querySelector("dialog[open]") !== null;

  function press(id) {
    const button = byId(id);
    if (button && !button.disabled && button.offsetParent !== null) button.click();
  }

  function step(by) {
    const cards = [...document.querySelectorAll("#versions .version")];
    const at = cards.findIndex(card => card.classList.contains("is-chosen"));
    const next = cards[at + by];
    if (at >= 0 && next) next.click();
  }

  const keys = {
    a: () => press("accept"),
    s: () => press("stop"),
    c: () => press("cancel"),
    "?": () => byId("help").showModal(),
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
  };

  document.addEventListener("keydown", event => {
    if (asking() || event.altKey) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      press(event.target.closest("#own") ? "override" : "run");
    } else if (!event.ctrlKey && !event.metaKey && !typing(event.target) && keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  }, true);

  // The theme: the system's, until the person chooses; kept in this browser.
  const chosen = () => { try { return localStorage.getItem("r3-theme"); } catch { return null; } };
  const dark = () => document.body.classList.contains("dark");
  function paint() {
    const theme = chosen();
    if (theme && dark() !== (theme === "dark")) document.body.classList.toggle("dark", theme === "dark");
  }
  new MutationObserver(paint).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  paint();

  document.addEventListener("click", event => {
    const card = event.target.closest(".version");
    if (card) {  // at once, so that the next arrow key starts from here
      document.querySelector(".version.is-chosen")?.classList.remove("is-chosen");
      card.classList.add("is-chosen");
    } else if (event.target.closest("#theme")) {
      try { localStorage.setItem("r3-theme", dark() ? "light" : "dark"); } catch { /* private window: not kept */ }
      document.body.classList.toggle("dark", chosen() ? chosen() === "dark" : !dark());
    } else if (event.target.closest("#ask-help")) {
      byId("help").showModal();
    } else if (event.target.closest(".offer")) {
      const field = document.querySelector("#text textarea");
      field.scrollIntoView({ block: "nearest" });
      field.focus({ preventScroll: true });
    }
  });

  // The chosen version stays in sight.
  function settle() {
    const strip = byId("versions");
    const card = strip && strip.querySelector(".is-chosen");
    if (card && card.dataset.node !== settle.last) {
      const left = card.offsetLeft - (strip.clientWidth - card.offsetWidth) / 2;
      strip.scrollTo({ left, top: card.offsetTop - (strip.clientHeight - card.offsetHeight) / 2 });
    }
    settle.last = card ? card.dataset.node : null;
  }
  const watch = setInterval(() => {
    const studio = byId("studio");
    if (!studio) return;
    clearInterval(watch);
    new MutationObserver(settle).observe(studio, { childList: true, subtree: true });
    settle();
  }, 100);

  window.r3 = {
    address(query) {
      history.replaceState(null, "", query ? "?" + query : location.pathname);
    },
    fetch(address) {
      if (!address) return;
      const link = document.createElement("a");
      link.href = address;
      link.download = "";
      link.click();
    },
    back() {
      const own = document.querySelector("#own textarea");
      const field = byId("asked").querySelector("textarea, input").value === "override" ? own : document.querySelector("#text textarea");
      field.focus();
    },
  };
})();
