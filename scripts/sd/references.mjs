/** Reads what references.py wrote. */
import { closeSync, openSync, readSync } from "node:fs";
import { readSafetensors } from "../../dist/checkpoints/safetensors.js";

/**
 * The cases of each part (text, encode, decode, unet, pipeline): their facts, `tensor(name)` as {data: Float32Array, shape}
 * and `photo()`, a picture of 8-bit RGB.
 */
export async function readReferences(file) {
  const references = await readSafetensors(file);
  const parts = JSON.parse(references.metadata.cases);
  const open = (facts) => ({
    ...facts,
    tensor(name) {
      const key = `${facts.name}.${name}`;
      return { data: references.read(key), shape: references.entries.get(key).shape };
    },
    photo() {
      const { start, end, shape } = references.entries.get(`${facts.name}.photo`);
      return { width: shape[1], height: shape[0], data: readBytes(file, start, end) };
    },
  });
  return Object.fromEntries(Object.entries(parts).map(([part, cases]) => [part, cases.map(open)]));
}

function readBytes(file, start, end) {
  const bytes = new Uint8Array(end - start);
  const handle = openSync(file, "r");
  readSync(handle, bytes, 0, bytes.length, start);
  closeSync(handle);
  return bytes;
}
