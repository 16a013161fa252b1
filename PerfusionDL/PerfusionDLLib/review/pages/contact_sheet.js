// The slices of one study side by side, small, with contours and insertion points; drawn only while they are seen.

class ContactSheet {
  constructor(study, settings) {
    Object.assign(this, { study, settings });
    this.canvas = make("canvas", { class: "sheet", role: "img", "aria-label": `Slices of ${study.study}: ${study.slices.map((one) => `${one.condition} ${one.level}`).join(", ")}` });
    this.resize();
  }

  // The room that the pictures take, also before they are drawn, so that nothing jumps.
  resize() {
    const { side } = this.settings;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.style.width = `${side * Math.max(this.study.slices.length, 1)}px`;
    this.canvas.style.height = `${side + 14}px`;
    this.canvas.width = Math.round(side * this.study.slices.length * ratio);
    this.canvas.height = Math.round((side + 14) * ratio);
  }

  async show() {
    if (!this.study.picture) return;
    this.pictures ??= await unpackCine(this.study.picture);
    this.outlines ??= await Promise.all(this.study.slices.map(outlinesOf));
    this.draw();
  }

  // Give the memory back.
  hide() {
    this.pictures = this.outlines = undefined;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  draw() {
    if (!this.pictures || !this.outlines) return;
    const paper = this.canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    const side = this.settings.side * ratio;
    paper.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.study.slices.forEach((slice, number) => this.drawSlice(paper, slice, number, number * side, side, ratio));
  }

  drawSlice(paper, slice, number, left, side, ratio) {
    const [rows, columns] = slice.size;
    const [rowMm, columnMm] = slice.spacing_mm;
    const scale = (side - 2 * ratio) / Math.max(rows * rowMm, columns * columnMm);
    const [ky, kx] = [scale * rowMm, scale * columnMm];
    const { frames, rows: high, columns: wide } = this.pictures;
    const picture = new ImageData(columns, rows);
    const pixels = new Uint32Array(picture.data.buffer);
    for (let row = 0, at = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, at++) {
        const level = frames[(number * high + row) * wide + column];
        pixels[at] = 0xff000000 | (level << 16) | (level << 8) | level;
      }
    }
    const small = new OffscreenCanvas(columns, rows);
    small.getContext("2d").putImageData(picture, 0, 0);
    paper.imageSmoothingQuality = "high";
    paper.drawImage(small, left, 0, columns * kx, rows * ky);
    if (this.settings.contours) this.drawContours(paper, slice, this.outlines[number], left, ky, kx, ratio);
    paper.fillStyle = "#1a1a1a";
    paper.font = `${11 * ratio}px system-ui, sans-serif`;
    paper.fillText(`${slice.condition} ${slice.level}`, left + 2, side + 10 * ratio);
  }

  drawContours(paper, slice, outlines, left, ky, kx, ratio) {
    outlines.forEach((lines, number) => {
      paper.beginPath();
      for (let at = 0; at < lines.length; at += 4) {
        paper.moveTo(left + lines[at + 1] * kx, lines[at] * ky);
        paper.lineTo(left + lines[at + 3] * kx, lines[at + 2] * ky);
      }
      paper.strokeStyle = number ? ENDOCARDIUM : EPICARDIUM;
      paper.lineWidth = 1.2 * ratio;
      paper.stroke();
    });
    const size = 3.5 * ratio;
    slice.points_px.forEach((point, number) => {
      if (!point) return;
      const [x, y, up] = [left + (point[1] + 0.5) * kx, (point[0] + 0.5) * ky, number ? size : -size];
      fillTriangle(paper, x, y, up, size);
    });
  }
}

// Epicardium and endocardium of a slice.
async function outlinesOf(slice) {
  const labels = await unpackArray(slice.labels);
  const [rows, columns] = slice.size;
  return [(at) => labels[at] === 1 || labels[at] === 2, (at) => labels[at] === 2].map((isInside) => outlineOf(isInside, rows, columns));
}
