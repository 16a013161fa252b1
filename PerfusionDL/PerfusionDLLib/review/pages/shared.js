// What both pages use: elements, packed arrays, pictures, outlines, numbers in words.

"use strict";

// Colors of contours and insertion points, the same as in the report.
const ENDOCARDIUM = "#F0E442";
const EPICARDIUM = "#56B4E9";
const POINT = "#E69F00";

const byId = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const isDrawing = ["svg", "path", "line", "text", "circle", "rect", "g", "polyline", "title"].includes(tag);
  const element = isDrawing ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const readData = (id) => JSON.parse(byId(id).textContent);

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

const ARRAYS = { "|u1": Uint8Array, "<i2": Int16Array, "<i4": Int32Array, "<f4": Float32Array };

// The numbers of `pack_array`.
async function unpackArray(packed) {
  const stream = new Blob([bytesOf(packed.data)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new ARRAYS[packed.type](await new Response(stream).arrayBuffer());
}

// The gray codes of `pack_cines`, frame after frame.
async function unpackCine(packed) {
  const image = new Image();
  image.src = `data:image/jpeg;base64,${packed.jpeg}`;
  await image.decode();
  const sheet = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true });
  sheet.drawImage(image, 0, 0);
  const rgba = sheet.getImageData(0, 0, image.width, image.height).data;
  const [count, rows, columns] = packed.shape;
  const frames = new Uint8Array(count * rows * columns);
  for (let frame = 0, at = 0; frame < count; frame++) {
    const top = Math.floor(frame / packed.columns) * rows;
    const left = (frame % packed.columns) * columns;
    for (let row = 0; row < rows; row++) {
      const from = ((top + row) * image.width + left) * 4;
      for (let column = 0; column < columns; column++) frames[at++] = rgba[from + column * 4];
    }
  }
  return { frames, count, rows, columns };
}

// Brightness of each gray code under a window; low and high are shares of the range that the codes cover.
function grayLevels(low, high) {
  const width = Math.max(high - low, 1e-4);
  return Uint8ClampedArray.from({ length: 256 }, (_, code) => (((code / 255) ** 2 - low) / width) * 255);
}

// Lines half-way between the pixels inside and outside of a mask: flat list of row, column, row, column; pixel edges
// at integers.
function outlineOf(isInside, rows, columns) {
  const lines = [];
  const at = (row, column) => row >= 0 && row < rows && column >= 0 && column < columns && isInside(row * columns + column);
  for (let row = -1; row < rows; row++) {
    for (let column = -1; column < columns; column++) {
      const corners = at(row, column) | (at(row, column + 1) << 1) | (at(row + 1, column + 1) << 2) | (at(row + 1, column) << 3);
      if (corners === 0 || corners === 15) continue;
      const [top, right, bottom, left] = [
        [row + 0.5, column + 1], [row + 1, column + 1.5], [row + 1.5, column + 1], [row + 1, column + 0.5],
      ];
      for (const [from, to] of crossings(corners, top, right, bottom, left)) lines.push(...from, ...to);
    }
  }
  return Float32Array.from(lines);
}

// The lines through one square of four pixel centers (marching squares).
function crossings(corners, top, right, bottom, left) {
  switch (corners) {
    case 1: case 14: return [[left, top]];
    case 2: case 13: return [[top, right]];
    case 3: case 12: return [[left, right]];
    case 4: case 11: return [[right, bottom]];
    case 6: case 9: return [[top, bottom]];
    case 7: case 8: return [[left, bottom]];
    case 5: return [[left, top], [right, bottom]];
    default: return [[top, right], [left, bottom]];
  }
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const inWords = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : "–");
const capitalized = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// Black or white, whichever reads better on a color (WCAG relative luminance).
function inkOn([red, green, blue]) {
  const linear = [red, green, blue].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.18 ? "#000" : "#fff";
}

// Text in fields is typed, not commanded.
const isTyping = (event) => /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "range";

// A triangle about a place: its tip lies `up` pixels below it, above where that is negative; an outline may follow.
function fillTriangle(paper, x, y, up, size) {
  paper.beginPath();
  paper.moveTo(x, y + up);
  paper.lineTo(x - size, y - up);
  paper.lineTo(x + size, y - up);
  paper.closePath();
  paper.fillStyle = POINT;
  paper.fill();
}
