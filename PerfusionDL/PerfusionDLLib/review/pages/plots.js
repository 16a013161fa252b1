// Curves over time: what was measured, the fit, the arterial input, and where the cine stands.

const CONDITION_COLORS = { rest: "#0072B2", stress: "#D55E00" };
const MARGIN = { left: 46, right: 10, top: 20, bottom: 32 };

// A plot of curves [{times_s, measured, fitted, used, condition}] with axes; cursors are times of the shown frames.
function plotCurves(title, curves, { width = 460, height = 190, marks = [] } = {}) {
  const known = curves.flatMap((curve) => [...curve.measured, ...(curve.fitted ?? [])]).filter((value) => value !== null);
  const lastS = Math.max(1, ...curves.map((curve) => curve.times_s[curve.times_s.length - 1]));
  const [low, high] = [Math.min(0, ...known), Math.max(0.05, ...known) * 1.06];
  const x = (time) => MARGIN.left + (time / lastS) * (width - MARGIN.left - MARGIN.right);
  const y = (value) => height - MARGIN.bottom - ((value - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
  const drawing = make("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": title });
  drawing.append(make("text", { x: MARGIN.left, y: 13, class: "plot-title", text: title }));
  for (const value of ticks(low, high, 4)) {
    drawing.append(make("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value), class: "grid" }));
    drawing.append(make("text", { x: MARGIN.left - 5, y: y(value) + 4, class: "tick end", text: plain(value) }));
  }
  for (const time of ticks(0, lastS, 6)) {
    drawing.append(make("text", { x: x(time), y: height - MARGIN.bottom + 14, class: "tick middle", text: plain(time) }));
  }
  drawing.append(make("text", { x: width - MARGIN.right, y: height - 3, class: "tick end", text: "time (s)" }));
  drawing.append(make("text", { x: 2, y: 13, class: "tick", text: "mmol/L" }));
  for (const curve of curves) drawing.append(...drawCurve(curve, x, y));
  for (const { time, text, color } of marks) drawing.append(...drawMark(x(time), text, color, height));
  return { drawing, x, height };
}

function drawCurve(curve, x, y) {
  const color = CONDITION_COLORS[curve.condition];
  const parts = [];
  curve.measured.forEach((value, frame) => {
    if (value === null) return;
    const [cx, cy] = [x(curve.times_s[frame]), y(value)];
    const fill = curve.condition === "stress" ? color : "none";
    const left = curve.used && !curve.used[frame];
    const look = left ? { fill: "none", stroke: "#999" } : { fill, stroke: color };
    parts.push(curve.condition === "stress" ? make("rect", { x: cx - 1.8, y: cy - 1.8, width: 3.6, height: 3.6, ...look }) : make("circle", { cx, cy, r: 2, ...look }));
  });
  if (curve.fitted || curve.joined) {
    const values = curve.fitted ?? curve.measured;
    const points = values.map((value, frame) => (value === null ? null : `${x(curve.times_s[frame])},${y(value)}`)).filter(Boolean);
    parts.push(make("polyline", { points: points.join(" "), fill: "none", stroke: color, "stroke-width": 1.6, "stroke-dasharray": curve.condition === "rest" ? "5 2" : undefined }));
  }
  return parts;
}

function drawMark(x, text, color, height) {
  return [
    make("line", { x1: x, x2: x, y1: MARGIN.top, y2: height - MARGIN.bottom, stroke: color, "stroke-dasharray": "2 3" }),
    make("text", { x: x + 3, y: MARGIN.top + 9, class: "tick", text }),
  ];
}

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((one) => one >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(value);
  return found;
}

const plain = (value) => String(Number(value.toPrecision(3)));

// Shows the curves of what is selected, and the time of the frame that is shown.
class CurvePanel {
  constructor(study, settings, element) {
    Object.assign(this, { study, settings, element });
    this.plots = [];
  }

  async show(selection, views) {
    const { title, lines, curves, conditions } = selection.view ? await this.ofPixel(selection, views) : this.ofSegment(selection.segment);
    const inputs = this.study.scans.filter((scan) => conditions.includes(scan.condition));
    this.plots = [];
    const children = [make("h3", { id: "curve-title", text: title }), ...lines.map((text) => make("p", { text }))];
    if (curves.length) children.push(this.add("Tissue: points measured, line fitted", curves));
    children.push(this.add("Arterial input", inputs.map((scan) => ({ ...scan.arterial_input, measured: scan.arterial_input.concentration_mmol_l, joined: true, condition: scan.condition })), this.marks(inputs)));
    children.push(...inputs.map((scan) => make("p", { class: "quiet", text: `${capitalized(scan.condition)}: ${scan.arterial_input.checks.join("; ")}.` })));
    this.element.replaceChildren(...children);
    this.follow();
  }

  marks(inputs) {
    return inputs.flatMap(({ condition, arterial_input: input }) => [
      { time: input.times_s[Math.max(input.baseline_frames - 1, 0)], text: "baseline ends", color: CONDITION_COLORS[condition] },
      { time: input.times_s[input.first_pass_end_frame], text: "first pass ends", color: CONDITION_COLORS[condition] },
    ]).slice(0, inputs.length > 1 ? 0 : 2);
  }

  add(title, curves, marks = []) {
    const plot = plotCurves(title, curves, { marks });
    const cursors = curves.map((curve) => make("line", { y1: MARGIN.top, y2: plot.height - MARGIN.bottom, stroke: CONDITION_COLORS[curve.condition], class: "now" }));
    plot.drawing.append(...cursors);
    this.plots.push({ plot, curves, cursors });
    return plot.drawing;
  }

  // Move the line that says which frame is shown.
  follow() {
    for (const { plot, curves, cursors } of this.plots) {
      curves.forEach((curve, number) => {
        const scan = this.study.scans.find(({ condition }) => condition === curve.condition);
        const frame = clamp(scan.peak_frame + this.settings.beat, 0, curve.times_s.length - 1);
        const x = plot.x(curve.times_s[frame]);
        cursors[number].setAttribute("x1", x);
        cursors[number].setAttribute("x2", x);
      });
    }
  }

  async ofPixel({ view, pixel }) {
    const curve = await view.curveAt(pixel);
    const { condition } = view.scan;
    return {
      title: `Pixel: ${view.title}`,
      lines: [view.describe(pixel), ...(curve ? [] : ["No curve is kept of this pixel."])],
      curves: curve ? [{ ...curve, condition, used: view.slice.used }] : [],
      conditions: [condition],
    };
  }

  ofSegment(segment) {
    const found = this.study.scans.flatMap((scan) => scan.slices.filter((slice) => slice.segment_fits[segment]).slice(0, 1).map((slice) => ({ scan, slice, fit: slice.segment_fits[segment] })));
    const row = this.study.rows.find((one) => one.segment === segment);
    const lines = found.map(({ scan, fit }) => {
      const flow = row?.flows[scan.condition] ?? { text: "–", interval: "" };
      const ofCurve = `of the mean curve ${inWords(fit.mbf)} [${inWords(fit.low)}–${inWords(fit.high)}]`;
      return `${capitalized(scan.condition)}: MBF ${flow.text} ${flow.interval} ${this.study.unit}; ${ofCurve}.`;
    });
    if (row && this.study.scans.length > 1) lines.push(`MPR ${row.mpr.text} ${row.mpr.interval}.`);
    return {
      title: `Segment ${segment}: ${this.study.segments[segment].name}, ${this.study.segments[segment].territory}`,
      lines,
      curves: found.map(({ scan, slice, fit }) => ({ ...fit, condition: scan.condition, used: slice.used })),
      conditions: this.study.scans.map((scan) => scan.condition),
    };
  }
}
