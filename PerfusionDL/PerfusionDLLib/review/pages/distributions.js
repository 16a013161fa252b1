// How a number is spread over the cohort: a dot per study; a click leads to it.

const QUANTITIES = { rest: "Rest MBF (mL/min/g)", stress: "Stress MBF (mL/min/g)", mpr: "MPR" };

function drawDistribution(name, studies, onpick) {
  const known = studies.filter((study) => study.values[name] !== null);
  const [width, height, left, right] = [330, 74, 10, 10];
  const drawing = make("svg", { viewBox: `0 0 ${width} ${height}`, class: "distribution", role: "group", "aria-label": `${QUANTITIES[name]}, ${known.length} studies` });
  if (!known.length) return drawing;
  const values = known.map((study) => study.values[name]);
  const end = Math.max(...values) * 1.05;
  const x = (value) => left + (value / end) * (width - left - right);
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.floor(sorted.length / 2)]) / 2;
  drawing.append(make("text", { x: left, y: 11, class: "plot-title", text: `${QUANTITIES[name]}: median ${middle.toFixed(2)}` }));
  drawing.append(make("line", { x1: x(middle), x2: x(middle), y1: 16, y2: height - 14, class: "median" }));
  drawing.append(make("line", { x1: left, x2: width - right, y1: height - 14, y2: height - 14, class: "axis" }));
  for (const value of [0, end / 2, end]) drawing.append(make("text", { x: x(value), y: height - 3, class: "tick middle", text: value.toFixed(1) }));
  const stacked = new Map();
  for (const study of known) {
    const place = Math.round(x(study.values[name]) / 5);
    const above = stacked.get(place) ?? 0;
    stacked.set(place, above + 1);
    drawing.append(make("circle", { cx: place * 5, cy: height - 18 - Math.min(above * 5, 38), r: 2.4, class: "dot", "data-study": study.study, onclick: () => onpick(study.study) },
      make("title", { text: `${study.study}: ${study.values[name].toFixed(2)}` })));
  }
  return drawing;
}
