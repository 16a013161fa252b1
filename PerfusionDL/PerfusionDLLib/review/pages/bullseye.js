// The AHA bullseye as a drawing: the anterior wall at the top and the septum on the left.

function drawBullseye(study, { title, valueOf, colorOf, onpick }) {
  const drawing = make("svg", { viewBox: "-112 -118 224 232", class: "bullseye", role: "group", "aria-label": title });
  drawing.append(make("text", { x: 0, y: -108, class: "middle plot-title", text: title }));
  const lines = [];
  for (const [number, segment] of Object.entries(study.segments)) {
    const value = valueOf(Number(number));
    const known = Number.isFinite(value);
    const color = known ? colorOf(value) : [240, 240, 240];
    const text = known ? value.toFixed(2) : "–";
    const wedge = make("path", {
      d: wedgePath(segment), class: known ? "wedge" : "wedge unknown", tabindex: 0, role: "button", fill: `rgb(${color})`, "data-segment": number,
      "aria-label": `${title}, segment ${number}, ${segment.name}: ${known ? text : "no value"}`,
      onclick: () => onpick(Number(number)),
      onkeydown: (event) => { if (event.key === "Enter") { onpick(Number(number)); event.stopPropagation(); } },
    }, make("title", { text: `${number} ${segment.name} (${segment.territory})` }));
    const [x, y] = pointOf((segment.inner + segment.outer) / 2, (segment.begin + segment.end) / 2);
    drawing.append(wedge);
    lines.push(make("text", { x, y: y + 4, class: "middle value", fill: inkOn(color), text }));
  }
  drawing.append(...territoryBorders(study), ...lines);
  return drawing;
}

const pointOf = (radius, degrees) => [100 * radius * Math.cos((degrees * Math.PI) / 180), -100 * radius * Math.sin((degrees * Math.PI) / 180)];

function wedgePath({ inner, outer, begin, end }) {
  const [a, b, c, d] = [pointOf(outer, begin), pointOf(outer, end), pointOf(inner, end), pointOf(inner, begin)];
  return `M${a}A${100 * outer} ${100 * outer} 0 0 0 ${b}L${c}A${100 * inner} ${100 * inner} 0 0 1 ${d}Z`;
}

// Bold lines between neighbors in one ring that belong to different coronary territories.
function territoryBorders(study) {
  const all = Object.values(study.segments);
  return all.flatMap((segment) => {
    const before = all.find((other) => other.inner === segment.inner && Math.abs(((other.end - segment.begin) % 360 + 360) % 360) < 1e-6);
    if (!before || before.territory === segment.territory) return [];
    const [[x1, y1], [x2, y2]] = [pointOf(segment.inner, segment.begin), pointOf(segment.outer, segment.begin)];
    return [make("line", { x1, y1, x2, y2, class: "border" })];
  });
}

// A color bar with its ends.
function drawScale(colors, end, unit) {
  const stops = [0, 51, 102, 153, 204, 255].map((at) => `rgb(${colors.slice(at * 3, at * 3 + 3)})`);
  const bar = make("span", { class: "bar" });
  bar.style.background = `linear-gradient(to right, ${stops})`;
  return make("div", { class: "scale" }, make("span", { text: "0" }), bar, make("span", { text: `${end} ${unit}`.trim() }));
}
