/** Renders the ten rooms of examples/own-data with exact depth: boxes and balls in an empty room, traced ray by ray. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

const WIDTH = 224;
const HEIGHT = 168;
/** Focal length in pixels: about the field of view of an indoor depth camera (63 degrees). */
const FOCAL = 182;
const out = process.argv[2] ?? "examples/own-data";

/** The same rooms on every machine: a small generator of our own (mulberry32). */
function randomOf(seed) {
  let state = seed * 0x9e3779b1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Metres; x to the right, y up from the floor, z into the room. The camera stands at z = 0. */
function roomOf(number) {
  const random = randomOf(number);
  const between = (low, high) => low + random() * (high - low);
  const colour = (low, high) => [between(low, high), between(low, high), between(low, high)];
  const [halfWidth, depth, height] = [between(1.6, 2.6), between(3.6, 6.8), between(2.3, 2.8)];
  const room = { low: [-halfWidth, 0, -0.6], high: [halfWidth, height, depth] };
  const things = [];
  for (let i = 0; i < 5; i++) {
    const [x, z] = [between(-halfWidth + 0.5, halfWidth - 0.5), between(1.9, depth - 0.4)];
    if (i === 4) {
      const radius = between(0.15, 0.35);
      things.push({ centre: [x, radius, z], radius, colour: colour(0.2, 0.95) });
    } else {
      const [w, h, d] = [between(0.2, 0.6), between(0.3, 1.5), between(0.2, 0.5)];
      things.push({ low: [x - w, 0, z - d], high: [x + w, h, z + d], colour: colour(0.2, 0.95) });
    }
  }
  return {
    room,
    things,
    wall: colour(0.6, 0.9),
    floor: colour(0.35, 0.65),
    tile: between(0.3, 0.7),
    light: [between(-1, 1), height - 0.2, between(0.8, 2.4)],
    eye: [between(-0.6, 0.6), between(1.2, 1.6), 0],
    yaw: between(-0.22, 0.22),
    pitch: between(0.05, 0.22),
  };
}

/** Where a ray enters and leaves an axis-parallel box, with the axis of either face. */
function slabs(low, high, from, ray) {
  let [enter, leave, enterAxis, leaveAxis] = [-Infinity, Infinity, 0, 0];
  for (let axis = 0; axis < 3; axis++) {
    const [a, b] = [(low[axis] - from[axis]) / ray[axis], (high[axis] - from[axis]) / ray[axis]];
    if (Math.min(a, b) > enter) [enter, enterAxis] = [Math.min(a, b), axis];
    if (Math.max(a, b) < leave) [leave, leaveAxis] = [Math.max(a, b), axis];
  }
  return { enter, leave, enterAxis, leaveAxis };
}

/** The nearest surface along `ray`: its distance in lengths of `ray`, normal and colour. */
function trace(scene, from, ray) {
  const { room, things, wall, floor, tile } = scene;
  const { leave, leaveAxis } = slabs(room.low, room.high, from, ray);
  const normalOn = (axis) => [0, 1, 2].map((i) => (i === axis ? -Math.sign(ray[axis]) : 0));
  const point = from.map((v, i) => v + leave * ray[i]);
  let paint = wall;
  if (leaveAxis === 1 && ray[1] < 0) {
    const dark = (Math.floor(point[0] / tile) + Math.floor(point[2] / tile)) % 2 !== 0;
    paint = dark ? floor.map((v) => v * 0.7) : floor;
  } else if (leaveAxis === 1) paint = [0.92, 0.92, 0.9];
  else if (point[1] < 0.1) paint = [0.85, 0.85, 0.83];
  let nearest = { distance: leave, normal: normalOn(leaveAxis), colour: paint };
  for (const thing of things) {
    if (thing.radius === undefined) {
      const { enter, leave: exit, enterAxis } = slabs(thing.low, thing.high, from, ray);
      if (enter > 1e-6 && enter < exit && enter < nearest.distance) {
        nearest = { distance: enter, normal: normalOn(enterAxis), colour: thing.colour };
      }
      continue;
    }
    const to = from.map((v, i) => v - thing.centre[i]);
    const [a, b, c] = [dot(ray, ray), dot(to, ray), dot(to, to) - thing.radius ** 2];
    const distance = (-b - Math.sqrt(b * b - a * c)) / a;
    if (distance > 1e-6 && distance < nearest.distance) {
      const normal = to.map((v, i) => (v + distance * ray[i]) / thing.radius);
      nearest = { distance, normal, colour: thing.colour };
    }
  }
  return nearest;
}

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** A ray of length 1 along the camera's axis, so that distances along it are depths as a depth camera gives them. */
function rayThrough({ yaw, pitch }, column, row) {
  const [x, y] = [(column - WIDTH / 2) / FOCAL, (HEIGHT / 2 - row) / FOCAL];
  const [up, ahead] = [y * Math.cos(pitch) - Math.sin(pitch), y * Math.sin(pitch) + Math.cos(pitch)];
  return [x * Math.cos(yaw) + ahead * Math.sin(yaw), up, ahead * Math.cos(yaw) - x * Math.sin(yaw)];
}

/** Lambert shading by one lamp, with hard shadows. */
function shade(scene, from, ray) {
  const { distance, normal, colour } = trace(scene, from, ray);
  const point = from.map((v, i) => v + distance * ray[i] + 1e-4 * normal[i]);
  const toLight = scene.light.map((v, i) => v - point[i]);
  const far = Math.sqrt(dot(toLight, toLight));
  const lit = trace(scene, point, toLight).distance > 1;
  const light = 0.35 + (lit ? (0.8 * Math.max(0, dot(normal, toLight))) / far / (0.6 + 0.12 * far * far) : 0);
  return colour.map((v) => 255 * Math.min(1, v * light) ** (1 / 1.4));
}

function render(scene) {
  const rgb = new Uint8Array(WIDTH * HEIGHT * 3);
  const metres = new Float64Array(WIDTH * HEIGHT);
  for (let row = 0; row < HEIGHT; row++)
    for (let column = 0; column < WIDTH; column++) {
      const pixel = row * WIDTH + column;
      metres[pixel] = trace(scene, scene.eye, rayThrough(scene, column + 0.5, row + 0.5)).distance;
      const sum = [0, 0, 0];
      for (const dx of [0.25, 0.75])
        for (const dy of [0.25, 0.75]) {
          const seen = shade(scene, scene.eye, rayThrough(scene, column + dx, row + dy));
          for (let c = 0; c < 3; c++) sum[c] += seen[c] / 4;
        }
      for (let c = 0; c < 3; c++) rgb[pixel * 3 + c] = Math.round(sum[c]);
    }
  return { rgb, metres };
}

/** Depth as the manifest gives it: mostly millimetres, and once each in the other ways that it may be given. */
async function writeDepth(name, number, metres) {
  const levels = (perMetre, Type, most) => Type.from(metres, (m) => Math.min(Math.round(m * perMetre), most));
  const grey16 = (data) => one(data).toColourspace("grey16").png({ adaptiveFiltering: true, compressionLevel: 9 });
  const grey8 = (data) => one(data).toColourspace("b-w").png({ adaptiveFiltering: true, compressionLevel: 9 });
  const one = (data) => sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } });
  const path = join(out, "depths", `${name}.png`);
  if (number <= 7) return grey16(levels(1000, Uint16Array, 65535)).toFile(path);
  if (number === 8) return grey8(levels(25.5, Uint8Array, 255)).toFile(path);
  if (number === 9) return grey16(levels(256, Uint16Array, 65535)).toFile(path);
  const drawn = one(levels(25.5, Uint8Array, 255))
    .resize(112, 84)
    .toColourspace("srgb")
    .png();
  return drawn.toFile(join(out, "targets", `${name}-depth.png`));
}

for (const folder of ["images", "depths", "targets"]) mkdirSync(join(out, folder), { recursive: true });
for (let number = 1; number <= 10; number++) {
  const name = `room-${String(number).padStart(2, "0")}`;
  const { rgb, metres } = render(roomOf(number));
  await sharp(rgb, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 90, chromaSubsampling: "4:4:4" })
    .toFile(join(out, "images", `${name}.jpg`));
  await writeDepth(name, number, metres);
  console.log(
    `${name}: ${metres.reduce((a, b) => Math.min(a, b)).toFixed(2)} to ${metres.reduce((a, b) => Math.max(a, b)).toFixed(2)} m`,
  );
}
