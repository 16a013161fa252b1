// One slice in motion on a canvas: image, contours, insertion points, box and flow map, and the pixel under the pointer.

const MYOCARDIUM = 1;
const BLOOD_POOL = 2;

class SliceView {
  constructor(study, scanIndex, sliceIndex, settings) {
    this.study = study;
    this.settings = settings;
    this.scanIndex = scanIndex;
    this.sliceIndex = sliceIndex;
    this.scan = study.scans[scanIndex];
    this.slice = this.scan.slices[sliceIndex];
    [this.count, this.rows, this.columns] = this.slice.shape;
    this.canvas = make("canvas", { tabindex: 0, role: "img", class: "slice" });
    this.caption = make("figcaption");
    this.element = make("figure", { class: "view" }, this.canvas, this.caption);
    this.cursor = null;
  }

  get title() {
    return `${capitalized(this.scan.condition)} ${this.slice.level}`;
  }

  async load() {
    const { pictures } = this.slice;
    const names = ["aligned", "acquired", "context"];
    const cines = await Promise.all(names.map((name) => unpackCine(pictures[name])));
    names.forEach((name, number) => { this[name] = cines[number]; });
    for (const name of ["labels", "mbf", "se", "status", "aha"]) this[name] = await unpackArray(this.slice[name]);
    this.motion = new Motion(this.slice.motion, await unpackArray(this.slice.motion.values), this.slice.crop);
    this.epicardium = outlineOf((at) => this.labels[at] === MYOCARDIUM || this.labels[at] === BLOOD_POOL, this.rows, this.columns);
    this.endocardium = outlineOf((at) => this.labels[at] === BLOOD_POOL, this.rows, this.columns);
  }

  // The frame that shows the same heartbeat, counted from the peak of the left ventricle, as the other scan.
  get frame() {
    return clamp(this.scan.peak_frame + this.settings.beat, 0, this.count - 1);
  }

  // First row, first column, and those after the last, of what is shown.
  get shown() {
    return this.settings.whole ? [0, 0, this.rows, this.columns] : this.slice.crop;
  }

  get acquiredPose() {
    return !this.settings.aligned || this.settings.whole;
  }

  resize(side) {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.style.width = this.canvas.style.height = `${side}px`;
    this.canvas.width = this.canvas.height = Math.round(side * ratio);
  }

  // How an image position (pixel edges at integers) comes onto the canvas.
  get place() {
    const [top, left, bottom, right] = this.shown;
    const [rowMm, columnMm] = this.slice.spacing_mm;
    const scale = this.canvas.width / Math.max((bottom - top) * rowMm, (right - left) * columnMm);
    const [ky, kx] = [scale * rowMm, scale * columnMm];
    return {
      ky, kx,
      y0: (this.canvas.height - (bottom - top) * ky) / 2 - top * ky,
      x0: (this.canvas.width - (right - left) * kx) / 2 - left * kx,
    };
  }

  draw() {
    const paper = this.canvas.getContext("2d");
    const place = this.place;
    paper.fillStyle = "#000";
    paper.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.settings.whole) this.drawCine(paper, place, this.context, [0, 0], this.slice.pictures.step);
    this.drawCine(paper, place, this.acquiredPose ? this.acquired : this.aligned, this.slice.crop, 1);
    if (this.settings.flow) this.drawFlow(paper, place);
    if (this.settings.contours) {
      this.drawOutline(paper, place, this.epicardium, EPICARDIUM);
      this.drawOutline(paper, place, this.endocardium, ENDOCARDIUM);
    }
    if (this.settings.selection?.segment) this.drawOutline(paper, place, this.segmentOutline(this.settings.selection.segment), "#fff");
    if (this.settings.points) this.drawPoints(paper, place);
    if (this.settings.box) this.drawBox(paper, place);
    this.drawCursor(paper, place);
    this.write();
  }

  drawCine(paper, place, cine, [top, left], step) {
    const { rows, columns } = cine;
    const { pictures } = this.slice;
    const levels = this.settings.levels(pictures.window);
    const picture = new ImageData(columns, rows);
    const pixels = new Uint32Array(picture.data.buffer);
    const from = this.frame * rows * columns;
    for (let at = 0; at < rows * columns; at++) {
      const level = levels[cine.frames[from + at]];
      pixels[at] = 0xff000000 | (level << 16) | (level << 8) | level;
    }
    this.paint(paper, place, picture, top, left, step, true);
  }

  paint(paper, place, picture, top, left, step, smooth) {
    const small = new OffscreenCanvas(picture.width, picture.height);
    small.getContext("2d").putImageData(picture, 0, 0);
    paper.imageSmoothingEnabled = smooth;
    paper.imageSmoothingQuality = "high";
    paper.drawImage(small, place.x0 + left * place.kx, place.y0 + top * place.ky, picture.width * step * place.kx, picture.height * step * place.ky);
  }

  // Every pixel of the myocardium in the color of its flow; white where there is no trustworthy flow.
  drawFlow(paper, place) {
    const [top, left, bottom, right] = this.slice.crop;
    const picture = new ImageData(right - left, bottom - top);
    const { frame } = this;
    for (let row = top, at = 0; row < bottom; row++) {
      for (let column = left; column < right; column++, at += 4) {
        const pixel = this.pixelOf(frame, row, column);
        if (pixel < 0 || this.labels[pixel] !== MYOCARDIUM) continue;
        const color = Number.isFinite(this.mbf[pixel]) ? this.settings.flowColor(this.mbf[pixel]) : [255, 255, 255];
        picture.data.set([...color, 255 * this.settings.opacity], at);
      }
    }
    this.paint(paper, place, picture, top, left, 1, false);
  }

  // Index of the map's pixel that a frame shows at a pixel; -1 outside.
  pixelOf(frame, row, column) {
    let [y, x] = [row, column];
    if (this.acquiredPose) [y, x] = this.motion.toReference(frame, row, column).map(Math.round);
    return y >= 0 && y < this.rows && x >= 0 && x < this.columns ? y * this.columns + x : -1;
  }

  moved(row, column) {
    if (!this.acquiredPose) return [row, column];
    const [down, right] = this.motion.at(this.frame, row - 0.5, column - 0.5);
    return [row + down, column + right];
  }

  drawOutline(paper, place, lines, color) {
    paper.beginPath();
    for (let at = 0; at < lines.length; at += 4) {
      const [y0, x0] = this.moved(lines[at], lines[at + 1]);
      const [y1, x1] = this.moved(lines[at + 2], lines[at + 3]);
      paper.moveTo(place.x0 + x0 * place.kx, place.y0 + y0 * place.ky);
      paper.lineTo(place.x0 + x1 * place.kx, place.y0 + y1 * place.ky);
    }
    paper.lineCap = "round";
    paper.strokeStyle = color;
    paper.lineWidth = 1.4 * (window.devicePixelRatio || 1);
    paper.stroke();
  }

  segmentOutline(segment) {
    if (this.outlined !== segment) {
      this.outlined = segment;
      this.outline = outlineOf((at) => this.aha[at] === segment, this.rows, this.columns);
    }
    return this.outline;
  }

  drawPoints(paper, place) {
    const size = 5 * (window.devicePixelRatio || 1);
    for (const [name, point] of Object.entries(this.slice.points_px)) {
      if (!point) continue;
      const [row, column] = this.moved(point[0] + 0.5, point[1] + 0.5);
      const [x, y, up] = [place.x0 + column * place.kx, place.y0 + row * place.ky, name === "anterior" ? -size : size];
      fillTriangle(paper, x, y, up, size);
      paper.strokeStyle = "#fff";
      paper.lineWidth = 1;
      paper.stroke();
    }
  }

  drawBox(paper, place) {
    const [row0, column0, row1, column1] = this.slice.box_px.map((edge) => edge + 0.5);
    paper.setLineDash([4, 4]);
    paper.strokeStyle = "#fff";
    paper.lineWidth = 1;
    paper.strokeRect(place.x0 + column0 * place.kx, place.y0 + row0 * place.ky, (column1 - column0) * place.kx, (row1 - row0) * place.ky);
    paper.setLineDash([]);
  }

  drawCursor(paper, place) {
    if (!this.cursor) return;
    const [row, column] = this.moved(this.cursor.row + 0.5, this.cursor.column + 0.5);
    const [x, y] = [place.x0 + column * place.kx, place.y0 + row * place.ky];
    const [near, far] = [Math.max(place.kx * 0.6, 3), Math.max(place.kx * 0.6, 3) + 8];
    paper.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      paper.moveTo(x + dx * near, y + dy * near);
      paper.lineTo(x + dx * far, y + dy * far);
    }
    paper.strokeStyle = "#fff";
    paper.lineWidth = 1.5;
    paper.stroke();
  }

  write() {
    const { frame } = this;
    const pose = this.acquiredPose ? "as acquired" : "aligned";
    const notes = [this.acquiredPose && pose, !this.slice.used[frame] && "not fitted"].filter(Boolean).map((note) => ` · ${note}`).join("");
    this.caption.textContent = `${this.title} ${frame + 1}/${this.count}, ${this.slice.times_s[frame].toFixed(1)} s${notes}`;
    this.canvas.setAttribute("aria-label", `${this.title}, frame ${frame + 1} of ${this.count}, ${pose}. Shift and arrow keys move the pixel that is read, Enter shows its curve.`);
    this.canvas.dataset.frame = frame;
  }

  // Row and column of the map's pixel under a pointer event, null beside the image.
  pixelUnder(event) {
    const bounds = this.canvas.getBoundingClientRect();
    const place = this.place;
    const x = ((event.clientX - bounds.left) / bounds.width) * this.canvas.width;
    const y = ((event.clientY - bounds.top) / bounds.height) * this.canvas.height;
    const [row, column] = [Math.floor((y - place.y0) / place.ky), Math.floor((x - place.x0) / place.kx)];
    const [top, left, bottom, right] = this.shown;
    if (row < top || row >= bottom || column < left || column >= right) return null;
    const pixel = this.pixelOf(this.frame, row, column);
    return pixel < 0 ? null : { row: Math.floor(pixel / this.columns), column: pixel % this.columns };
  }

  // What the map says about a pixel.
  read({ row, column }) {
    const pixel = row * this.columns + column;
    return {
      row, column,
      inMyocardium: this.labels[pixel] === MYOCARDIUM,
      segment: this.aha[pixel],
      mbf: this.mbf[pixel],
      se: this.se[pixel],
      status: this.status[pixel],
    };
  }

  // 95 % interval of the flow of a pixel: its noise, and what all flow of the scan shares.
  interval({ mbf, se }) {
    const [below, above] = this.scan.shared_log_distances.map((shared) => Math.hypot((1.96 * se) / mbf, shared));
    return [mbf * Math.exp(-below), mbf * Math.exp(above)];
  }

  describe(pixel) {
    const found = this.read(pixel);
    const where = `${this.title} · row ${found.row}, column ${found.column}`;
    if (!found.inMyocardium) return `${where} · outside the myocardium`;
    const segment = found.segment ? ` · segment ${found.segment} (${this.study.segments[found.segment].name})` : "";
    if (Number.isFinite(found.mbf)) {
      const [low, high] = this.interval(found);
      const between = Number.isFinite(low) ? ` [${inWords(low)}–${inWords(high)}]` : "";
      return `${where}${segment} · MBF ${inWords(found.mbf)}${between} ${this.study.unit}`;
    }
    const reasons = Object.entries(this.study.statuses).filter(([bit]) => found.status & bit).map(([, words]) => words);
    return `${where}${segment} · no trustworthy flow: ${reasons.join(", ") || "not fitted"}`;
  }

  // Measured and fitted curve of a pixel; null outside the myocardium, or where they were not kept.
  async curveAt({ row, column }) {
    const fits = this.slice.pixel_fits;
    if (!fits) return null;
    this.index ??= await unpackArray(fits.index);
    const at = this.index[row * this.columns + column];
    if (at < 0) return null;
    this.curves ??= { measured: await unpackArray(fits.measured.values), fitted: await unpackArray(fits.fitted.values) };
    const frames = fits.times_s.length;
    const values = (name) => Array.from(this.curves[name].subarray(at * frames, (at + 1) * frames), (code) => (code === -32768 ? null : code * fits[name].unit));
    return { times_s: fits.times_s, measured: values("measured"), fitted: values("fitted") };
  }
}
