// Where the tissue of the reference pose lies in each frame, from the coarse grid of `_pack_motion`.

class Motion {
  constructor(packed, values, crop) {
    [this.frames, , this.rows, this.columns] = packed.values.shape;
    this.values = values;
    this.unit = packed.unit_px;
    this.step = packed.step;
    [this.top, this.left] = crop;
  }

  // Displacement [rows, columns] in pixels at a position (pixel centers at integers) of the reference pose.
  at(frame, row, column) {
    const y = clamp((row - this.top) / this.step, 0, this.rows - 1);
    const x = clamp((column - this.left) / this.step, 0, this.columns - 1);
    const [y0, x0] = [Math.min(Math.floor(y), Math.max(this.rows - 2, 0)), Math.min(Math.floor(x), Math.max(this.columns - 2, 0))];
    const [fy, fx] = [y - y0, x - x0];
    const [y1, x1] = [Math.min(y0 + 1, this.rows - 1), Math.min(x0 + 1, this.columns - 1)];
    return [0, 1].map((axis) => {
      const base = (frame * 2 + axis) * this.rows * this.columns;
      const value = (r, c) => this.values[base + r * this.columns + c];
      return this.unit * ((1 - fy) * ((1 - fx) * value(y0, x0) + fx * value(y0, x1)) + fy * ((1 - fx) * value(y1, x0) + fx * value(y1, x1)));
    });
  }

  // Position in the reference pose of what a frame shows at a position.
  toReference(frame, row, column) {
    let [y, x] = [row, column];
    for (let turn = 0; turn < 4; turn++) {
      const [down, right] = this.at(frame, y, x);
      [y, x] = [row - down, column - right];
    }
    return [y, x];
  }
}
