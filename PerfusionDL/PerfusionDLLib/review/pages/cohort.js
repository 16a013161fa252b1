// The page of a cohort: list, filters, keys, decisions, and the page of a study inside.

const cohort = readData("cohort");
const decisions = new Decisions(cohort.studies, cohort.review);
const settings = { side: 110, contours: true };
const cards = new Map();
let shown = [];
let current = null;

const SORTS = {
  doubt: (a, b) => b.doubt - a.doubt || (a.study < b.study ? -1 : 1),
  stress: byValue("stress"), rest: byValue("rest"), mpr: byValue("mpr"),
  study: (a, b) => (a.study < b.study ? -1 : 1),
};

// From low to high; studies without the value last.
function byValue(name) {
  return (a, b) => (a.values[name] ?? Infinity) - (b.values[name] ?? Infinity) || (a.study < b.study ? -1 : 1);
}

const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const { sheet } = cards.get(entry.target.dataset.study);
    if (entry.isIntersecting) sheet.show().catch((error) => say(`Pictures of ${entry.target.dataset.study}: ${error.message}`));
    else sheet.hide();
  }
}, { rootMargin: "300px" });

function makeCard(study) {
  const sheet = new ContactSheet(study, settings);
  const badge = make("span", { class: "badge" });
  const comment = make("p", { class: "comment" });
  const numbers = Object.entries({ rest: "rest", stress: "stress", mpr: "MPR" }).filter(([name]) => study.values[name] !== null).map(([name, word]) => `${word} ${study.values[name].toFixed(2)}`);
  const reasons = study.reasons.map((text) => make("li", { class: "doubt", text }));
  const findings = study.findings.filter((one) => one.severity !== "note").map((one) => make("li", { class: one.severity, text: `${capitalized(one.place)}: ${one.text}` }));
  const card = make("article", { class: "card", tabindex: 0, "data-study": study.study, onclick: () => choose(study.study), ondblclick: () => openStudy(), onfocus: () => choose(study.study) },
    make("header", {}, make("strong", { text: study.study }), make("span", { text: numbers.join(" · ") }), make("span", { class: "quiet", text: `doubt ${study.doubt}` }), badge,
      make("button", { type: "button", class: "open", text: "Open", onclick: () => { choose(study.study); openStudy(); } })),
    sheet.canvas, study.picture ? null : make("p", { class: "quiet", text: "No pictures: computed by an earlier version." }),
    make("ul", { class: "reasons" }, ...reasons, ...findings), comment);
  sight.observe(card);
  return { card, sheet, badge, comment };
}

function refreshCard(study) {
  const { card, badge, comment } = cards.get(study.study);
  const { decision, comment: text } = decisions.of(study.study);
  card.dataset.decision = decision;
  badge.textContent = decision || (decisions.isOutdated(study.study) ? "computed anew since it was reviewed" : "not reviewed");
  comment.textContent = text ? `Comment: ${text}` : "";
}

function isWanted(study) {
  const [decision, code, text] = [byId("filter-decision").value, byId("filter-finding").value, byId("search").value.trim().toLowerCase()];
  const ofDecision = decision === "all" || decisions.of(study.study).decision === (decision === "none" ? "" : decision);
  const ofCode = !code || (code === "doubt" ? study.reasons.length > 0 : study.findings.some((one) => one.code === code));
  return ofDecision && ofCode && (!text || study.study.toLowerCase().includes(text));
}

function list() {
  shown = cohort.studies.filter(isWanted).sort(SORTS[byId("sort").value]);
  byId("cards").replaceChildren(...shown.map((study) => cards.get(study.study).card));
  byId("shown-count").textContent = `${shown.length} of ${cohort.studies.length} studies shown`;
  if (!shown.some((study) => study.study === current)) choose(shown[0]?.study ?? null, false);
}

function refresh() {
  cohort.studies.forEach(refreshCard);
  const [accepted, wrong] = [decisions.count(ACCEPTED), decisions.count(NEEDS_CORRECTION)];
  byId("decided").textContent = `${accepted} accepted, ${wrong} need correction, ${cohort.studies.length - accepted - wrong} not reviewed`;
  byId("save").textContent = decisions.unsaved ? "Save review.json (not saved yet)" : "Save review.json";
  showDecision();
}

function choose(name, scroll = true) {
  current = name;
  document.querySelectorAll("[data-study]").forEach((element) => element.classList.toggle("chosen", element.dataset.study === name));
  if (name && scroll) cards.get(name).card.scrollIntoView({ block: "nearest" });
  showDecision();
}

// The decision about the chosen study in the bar of the viewer.
function showDecision() {
  if (!current) return;
  const { decision, comment } = decisions.of(current);
  byId("viewer-name").textContent = current;
  byId("viewer-reasons").textContent = cohort.studies.find((study) => study.study === current).reasons.map(capitalized).join(" · ");
  byId("accept").setAttribute("aria-pressed", decision === ACCEPTED);
  byId("reject").setAttribute("aria-pressed", decision === NEEDS_CORRECTION);
  if (document.activeElement !== byId("comment")) byId("comment").value = comment ?? "";
}

function decide(decision) {
  if (!current) return;
  decisions.set(current, { decision });
  say(`${current}: ${decision || "not reviewed"}`);
}

// The next study of those shown; with ``open`` the first that is not reviewed yet.
function step(by, { unreviewed = false } = {}) {
  let at = shown.findIndex((study) => study.study === current) + by;
  while (unreviewed && shown[at] && decisions.of(shown[at].study).decision) at += by;
  if (!shown[at]) return say(by > 0 ? "This was the last one." : "This is the first one.");
  choose(shown[at].study);
  if (byId("viewer").open) openStudy();
  else cards.get(current).card.focus({ preventScroll: true });
}

function openStudy() {
  if (!current) return;
  const { page } = cohort.studies.find((study) => study.study === current);
  byId("frame").src = page;
  byId("own-tab").href = page;
  if (!byId("viewer").open) byId("viewer").showModal();
  byId("frame").focus();
  showDecision();
}

function closeStudy() {
  byId("viewer").close();
  byId("frame").removeAttribute("src");
  if (current) cards.get(current).card.focus();
}

function save() {
  decisions.save();
  say("Saved. Put review.json from your downloads beside cohort.html; perfusiondl batch --resume and agree read it.");
}

function writeComment() {
  if (!byId("viewer").open) openStudy();
  byId("comment").focus();
}

function say(text) {
  byId("said").textContent = text;
}

const KEYS = {
  ArrowDown: () => step(1), ArrowUp: () => step(-1), j: () => step(1), k: () => step(-1),
  n: () => step(1, { unreviewed: true }),
  y: () => decide(ACCEPTED), x: () => decide(NEEDS_CORRECTION), u: () => decide(""),
  e: writeComment,
  Enter: openStudy,
  Escape: () => byId("viewer").open && closeStudy(),
  d: save,
  l: () => byId("load").click(),
  c: () => flipContours(),
  "/": () => byId("search").focus(),
  "?": () => byId("help").showModal(),
};
const INSIDE = ["n", "j", "y", "x", "u", "e", "d", "Escape"];  // keys that the page of a study leaves to us

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (isTyping(event)) {
    if (event.key === "Escape" || (event.key === "Enter" && event.target.tagName !== "TEXTAREA")) {
      event.target.blur();
      event.preventDefault();
    }
    return;
  }
  if (event.key === "Enter" && event.target.tagName === "BUTTON") return;
  if (!KEYS[event.key] || (byId("viewer").open && event.key.startsWith("Arrow"))) return;
  KEYS[event.key]();
  event.preventDefault();
}

// A key that the page of a study handed on, or a letter of a comment that was typed before the field had the keyboard.
function onKeyInside({ perfusiondl: kind, key }) {
  if (kind === "key" && INSIDE.includes(key)) KEYS[key]();
  if (kind !== "text" || document.activeElement !== byId("comment")) return;
  if (key === "Escape") byId("comment").blur();
  if (key.length !== 1) return;
  const field = byId("comment");
  field.setRangeText(key, field.selectionStart, field.selectionEnd, "end");
  decisions.set(current, { comment: field.value });
}

function flipContours() {
  settings.contours = !settings.contours;
  byId("contours").setAttribute("aria-pressed", settings.contours);
  cards.forEach(({ sheet }) => sheet.draw());
}

function fillFilters() {
  const counts = new Map();
  for (const study of cohort.studies) for (const code of new Set(study.findings.map((one) => one.code))) counts.set(code, (counts.get(code) ?? 0) + 1);
  const doubted = cohort.studies.filter((study) => study.reasons.length).length;
  const options = [...counts].sort(([, a], [, b]) => b - a).map(([code, count]) => make("option", { value: code, text: `${count}: ${cohort.meanings[code] ?? code}` }));
  byId("filter-finding").replaceChildren(make("option", { value: "", text: "all findings" }), make("option", { value: "doubt", text: `${doubted}: contours or flow to doubt` }), ...options);
}

function connect() {
  document.addEventListener("keydown", onKey);
  window.addEventListener("message", (event) => event.source === byId("frame").contentWindow && onKeyInside(event.data ?? {}));
  for (const id of ["sort", "filter-decision", "filter-finding"]) byId(id).addEventListener("change", list);
  byId("search").addEventListener("input", list);
  byId("contours").addEventListener("click", flipContours);
  byId("side").addEventListener("input", (event) => resizePictures(Number(event.target.value)));
  byId("accept").addEventListener("click", KEYS.y);
  byId("reject").addEventListener("click", KEYS.x);
  byId("next").addEventListener("click", () => step(1));
  byId("before").addEventListener("click", () => step(-1));
  byId("close").addEventListener("click", closeStudy);
  byId("frame").addEventListener("load", () => byId("viewer").open && byId("frame").contentWindow.focus());
  byId("viewer").addEventListener("cancel", (event) => { event.preventDefault(); closeStudy(); });
  byId("comment").addEventListener("input", (event) => decisions.set(current, { comment: event.target.value }));
  byId("save").addEventListener("click", save);
  byId("load-button").addEventListener("click", () => byId("load").click());
  byId("load").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    try {
      say(`${decisions.load(await file.text())} studies of ${file.name} are in this cohort.`);
      list();
    } catch (error) {
      say(`${file.name} was not loaded: ${error.message}.`);
    }
    event.target.value = "";
  });
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("help-close").addEventListener("click", () => byId("help").close());
  window.addEventListener("beforeunload", (event) => { if (decisions.unsaved) event.preventDefault(); });
}

// Pictures as large as a card has room for, until somebody chooses another size.
function fitPictures() {
  const room = byId("cards").firstElementChild?.clientWidth;
  const most = Math.max(...cohort.studies.map((study) => study.slices.length), 1);
  const { min, max } = byId("side");
  if (room) resizePictures(Math.min(Math.max(Math.floor((room - 18) / most), Number(min)), Number(max)));
}

function resizePictures(side) {
  settings.side = byId("side").value = side;
  cards.forEach(({ sheet }) => { sheet.resize(); sheet.draw(); });
}

function begin() {
  const failed = Object.entries(cohort.failed);
  byId("counts").textContent = [`${cohort.studies.length} studies with results`, `${failed.length} without`, cohort.waiting && `${cohort.waiting} not computed yet`].filter(Boolean).join(", ");
  byId("software").textContent = cohort.software;
  byId("failed").replaceChildren(...failed.map(([study, why]) => make("li", { text: `${study}: ${why}` })));
  byId("failed-part").hidden = !failed.length;
  byId("distributions").replaceChildren(...Object.keys(QUANTITIES).map((name) => drawDistribution(name, cohort.studies, choose)));
  for (const study of cohort.studies) cards.set(study.study, makeCard(study));
  decisions.onchange = refresh;
  fillFilters();
  connect();
  list();
  fitPictures();
  refresh();
  document.body.dataset.ready = "yes";
}

begin();
