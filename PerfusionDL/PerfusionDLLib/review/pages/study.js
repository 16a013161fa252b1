// The page of a study: settings, keys, and what follows what.

const study = readData("study");
const COLOR_NAMES = Object.keys(study.colors);
const BEATS = {
  first: Math.min(...study.scans.map((scan) => -scan.peak_frame)),
  last: Math.max(...study.scans.flatMap((scan) => scan.slices.map((slice) => slice.shape[0] - 1 - scan.peak_frame))),
};
const SWITCHES = { aligned: "a", contours: "c", points: "i", box: "b", flow: "m", whole: "z" };

const settings = {
  beat: 0, aligned: true, contours: true, points: true, box: false, flow: false, whole: false, level: null,
  opacity: 0.75, brightness: 0, contrast: 0, color: COLOR_NAMES[0], selection: null, colors: {},

  // Brightness of the gray codes of a slice whose own window is given.
  levels([low, high]) {
    const width = (high - low) * 2 ** -this.contrast;
    const middle = (low + high) / 2 - this.brightness * (high - low) * 0.5;
    return grayLevels(middle - width / 2, middle + width / 2);
  },

  colorAt(value, end) {
    const at = 3 * Math.round(clamp(value / end, 0, 1) * 255);
    return this.colors[this.color].subarray(at, at + 3);
  },

  flowColor(value) { return this.colorAt(value, study.flow_end); },
};

const shownFirst = study.scans.map((_, number) => number);  // rest on the left, stress on the right
const levels = Math.max(...study.scans.map((scan) => scan.slices.length));
const views = shownFirst.flatMap((scan) => study.scans[scan].slices.map((_, slice) => new SliceView(study, scan, slice, settings)));
const viewOf = (scan, slice) => views.find((view) => view.scanIndex === scan && view.sliceIndex === slice);
const curves = new CurvePanel(study, settings, byId("curves"));
let timer = null;
let current = null;

function layOut() {
  const grid = byId("views");
  const rows = settings.level === null ? [...Array(levels).keys()] : [settings.level];
  const cells = rows.flatMap((slice) => shownFirst.map((scan) => viewOf(scan, slice)?.element ?? make("figure")));
  grid.style.gridTemplateColumns = `repeat(${shownFirst.length}, max-content)`;
  if (cells.some((cell, number) => grid.children[number] !== cell) || grid.children.length !== cells.length) grid.replaceChildren(...cells);
  const wide = window.innerWidth > 980 ? Math.min(0.52 * window.innerWidth, 900) : window.innerWidth - 24;
  const high = window.innerHeight - grid.getBoundingClientRect().top - window.scrollY - 12;
  const side = Math.floor(clamp(Math.min(wide / shownFirst.length - 8, high / rows.length - 30), 120, 640));
  views.forEach((view) => view.resize(side));
  draw();
}

function draw() {
  shownViews().forEach((view) => view.draw());
  curves.follow();
  byId("beat").value = settings.beat;
  byId("beat-text").textContent = settings.beat === 0 ? "LV peak" : `${settings.beat > 0 ? "+" : "−"}${Math.abs(settings.beat)} heartbeats`;
}

const shownViews = () => views.filter((view) => view.element.isConnected);

function goTo(beat) {
  settings.beat = beat > BEATS.last ? BEATS.first : beat < BEATS.first ? BEATS.last : beat;
  draw();
}

function play(on = timer === null) {
  clearInterval(timer);
  timer = on ? setInterval(() => goTo(settings.beat + 1), 1000 / Number(byId("speed").value)) : null;
  byId("play").textContent = on ? "Pause" : "Play";
  byId("play").setAttribute("aria-pressed", on);
}

function flip(name, on = !settings[name]) {
  settings[name] = on;
  byId(`switch-${name}`).setAttribute("aria-pressed", name === "aligned" ? !on : on);
  draw();
}

function showLevel(level) {
  settings.level = level;
  byId("one").setAttribute("aria-pressed", level !== null);
  layOut();
}

// The next slice toward the apex, or the one before.
function stepLevel(step) {
  const from = settings.level ?? (step > 0 ? -1 : levels);
  showLevel(clamp(from + step, 0, levels - 1));
}

function pickSegment(segment) {
  select({ segment });
}

function pickPixel(view, pixel) {
  views.forEach((one) => { one.cursor = one === view ? pixel : null; });
  const { segment } = view.read(pixel);
  select({ segment: segment || null, view, pixel });
}

async function select(selection) {
  settings.selection = selection;
  if (!selection.view) views.forEach((view) => { view.cursor = null; });
  document.querySelectorAll("[data-segment]").forEach((element) => element.classList.toggle("chosen", Number(element.dataset.segment) === selection.segment));
  draw();
  if (selection.view || selection.segment) await curves.show(selection, views);
}

// Lead to what a finding is about.
function showFinding(number) {
  const finding = study.findings[number];
  document.querySelectorAll("[data-finding]").forEach((element) => element.classList.toggle("chosen", Number(element.dataset.finding) === number));
  settings.finding = number;
  if (finding.segment) {
    const slice = study.scans.flatMap((scan) => scan.slices.map((one, at) => (one.segment_fits[finding.segment] ? at : -1))).find((at) => at >= 0);
    if (slice !== undefined) showLevel(slice);
    pickSegment(finding.segment);
  } else if (finding.slice !== null) {
    showLevel(finding.slice);
  } else if (finding.arterial) {
    byId("curves").scrollIntoView({ block: "nearest" });
  }
  views.forEach((view) => view.element.classList.toggle("asked", view.scanIndex === finding.scan && view.sliceIndex === finding.slice));
  say(`${capitalized(finding.place)}: ${finding.text}`);
}

function say(text) {
  byId("readout").textContent = text;
}

function drawBullseyes() {
  const quantities = study.scans.map((scan) => ({
    title: `${capitalized(scan.condition)} MBF`, end: study.flow_end, unit: study.unit,
    valueOf: (segment) => rowOf(segment)?.flows[scan.condition].value ?? NaN,
  }));
  if (study.scans.length > 1) quantities.push({ title: "Reserve (MPR)", end: study.reserve_end, unit: "", valueOf: (segment) => rowOf(segment)?.mpr.value ?? NaN });
  byId("bullseyes").replaceChildren(...quantities.map(({ end, unit, ...what }) => make("div", {},
    drawBullseye(study, { ...what, colorOf: (value) => settings.colorAt(value, end), onpick: pickSegment }),
    drawScale(settings.colors[settings.color], end, unit))));
}

const rowOf = (segment) => study.rows.find((row) => row.segment === segment);

function changeColors(name = COLOR_NAMES[(COLOR_NAMES.indexOf(settings.color) + 1) % COLOR_NAMES.length]) {
  settings.color = name;
  byId("color").value = name;
  drawBullseyes();
  draw();
}

function changeWindow(brighter, steeper) {
  settings.brightness = clamp(settings.brightness + brighter, -2, 2);
  settings.contrast = clamp(settings.contrast + steeper, -3, 3);
  byId("brightness").value = settings.brightness;
  byId("contrast").value = settings.contrast;
  draw();
}

function resetWindow() {
  changeWindow(-settings.brightness, -settings.contrast);
}

// Move the pixel that is read by keys; it begins in the middle of the field.
function moveCursor(down, right) {
  const view = current ?? shownViews()[0];
  const [top, left, bottom, right0] = view.slice.crop;
  const from = view.cursor ?? { row: Math.floor((top + bottom) / 2), column: Math.floor((left + right0) / 2) };
  views.forEach((one) => { if (one !== view) one.cursor = null; });
  view.cursor = { row: clamp(from.row + down, 0, view.rows - 1), column: clamp(from.column + right, 0, view.columns - 1) };
  current = view;
  view.draw();
  say(view.describe(view.cursor));
}

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const KEYS = {
  " ": () => play(),
  ArrowLeft: () => goTo(settings.beat - 1),
  ArrowRight: () => goTo(settings.beat + 1),
  ArrowUp: () => stepLevel(-1),
  ArrowDown: () => stepLevel(1),
  Home: () => goTo(BEATS.first),
  End: () => goTo(BEATS.last),
  p: () => goTo(0),
  o: () => showLevel(settings.level === null ? 0 : null),
  "+": () => changeWindow(0.1, 0), "-": () => changeWindow(-0.1, 0),
  ".": () => changeWindow(0, 0.2), ",": () => changeWindow(0, -0.2),
  w: resetWindow,
  k: () => changeColors(),
  f: () => study.findings.length && showFinding(((settings.finding ?? -1) + 1) % study.findings.length),
  s: () => pickSegment(((settings.selection?.segment ?? 0) % 16) + 1),
  "?": () => byId("help").showModal(),
};
for (const [name, key] of Object.entries(SWITCHES)) KEYS[key] = () => flip(name);

// The page of a cohort around this one takes the keys that are not ours. What is typed after E, before the comment there
// has the keyboard, goes there too.
let commentAwaited = false;

function handOn(event) {
  if (window.parent === window) return;
  window.parent.postMessage({ perfusiondl: commentAwaited ? "text" : "key", key: event.key }, "*");
  commentAwaited ||= event.key === "e";
}

function onKey(event) {
  if (commentAwaited && !event.ctrlKey && !event.metaKey && !event.altKey) {
    handOn(event);
    event.preventDefault();
    return;
  }
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.shiftKey && MOVES[event.key]) {
    moveCursor(...MOVES[event.key]);
  } else if (event.key === "Enter" && current?.cursor && event.target.tagName === "CANVAS") {
    pickPixel(current, current.cursor);
  } else if (event.key === " " && event.target.tagName === "BUTTON") {
    return;
  } else if (KEYS[event.key] && !(event.target.type === "range" && event.key.startsWith("Arrow"))) {
    KEYS[event.key]();
  } else {
    handOn(event);
    return;
  }
  event.preventDefault();
}

function listenTo(view) {
  const { canvas } = view;
  let dragged = null;
  canvas.addEventListener("focus", () => { current = view; });
  canvas.addEventListener("pointerdown", (event) => { if (event.button === 2) dragged = [event.clientX, event.clientY]; });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointermove", (event) => {
    if (dragged && event.buttons & 2) {
      changeWindow((dragged[1] - event.clientY) / 100, (event.clientX - dragged[0]) / 100);
      dragged = [event.clientX, event.clientY];
      return;
    }
    const pixel = view.pixelUnder(event);
    say(pixel ? view.describe(pixel) : "");
  });
  canvas.addEventListener("click", (event) => {
    current = view;
    const pixel = view.pixelUnder(event);
    if (pixel) pickPixel(view, pixel);
  });
  canvas.addEventListener("dblclick", () => showLevel(settings.level === null ? view.sliceIndex : null));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    goTo(settings.beat + Math.sign(event.deltaY));
    event.preventDefault();
  }, { passive: false });
}

function connect() {
  document.addEventListener("keydown", onKey);
  window.addEventListener("blur", () => { commentAwaited = false; });
  window.addEventListener("resize", layOut);
  byId("play").addEventListener("click", () => play());
  byId("speed").addEventListener("change", () => timer !== null && play(true));
  Object.assign(byId("beat"), { min: BEATS.first, max: BEATS.last });
  byId("beat").addEventListener("input", (event) => goTo(Number(event.target.value)));
  for (const name of Object.keys(SWITCHES)) byId(`switch-${name}`).addEventListener("click", () => flip(name));
  byId("one").addEventListener("click", KEYS.o);
  byId("reset").addEventListener("click", resetWindow);
  for (const name of ["brightness", "contrast", "opacity"]) byId(name).addEventListener("input", (event) => { settings[name] = Number(event.target.value); draw(); });
  byId("color").replaceChildren(...COLOR_NAMES.map((name) => make("option", { value: name, text: name })));
  byId("color").addEventListener("change", (event) => changeColors(event.target.value));
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("help-close").addEventListener("click", () => byId("help").close());
  views.forEach(listenTo);
}

async function begin() {
  byId("study-name").textContent = study.study;
  byId("summary").textContent = study.summary;
  fillTable(study, byId("table"), pickSegment);
  fillFindings(study, byId("findings"), showFinding);
  fillMade(study, byId("made"));
  fillSentences(byId("assumptions"), study.assumptions);
  fillSentences(byId("provenance"), study.provenance);
  byId("finding-count").textContent = study.findings.length;
  const grave = study.findings.filter((finding) => finding.severity === "unreliable");
  byId("warning").hidden = !grave.length;
  byId("warning").textContent = grave.length ? `Do not rely on it yet: ${grave[0].place}: ${grave[0].text}${grave.length > 1 ? ` And ${grave.length - 1} more, see Findings.` : ""}` : "";
  for (const [name, packed] of Object.entries(study.colors)) settings.colors[name] = await unpackArray(packed);
  drawBullseyes();
  await Promise.all(views.map((view) => view.load()));
  connect();
  layOut();
  for (const name of Object.keys(SWITCHES)) flip(name, settings[name]);
  await select({ segment: lowest() });
  document.body.dataset.ready = "yes";
}

// The segment with the lowest stress flow, or rest flow where there is no stress.
function lowest() {
  const condition = study.scans[study.scans.length - 1].condition;
  const known = study.rows.filter((row) => row.segment && row.flows[condition].value !== null);
  return known.sort((a, b) => a.flows[condition].value - b.flows[condition].value)[0]?.segment ?? 1;
}

begin().catch((error) => { say(`The page could not be shown: ${error.message}. It needs a browser of 2023 or later.`); throw error; });
