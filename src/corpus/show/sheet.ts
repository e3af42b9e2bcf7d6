/** The contact sheet: samples of a task as photo, drawn answer and what it decodes to, in pictures and words. */
import { encodeJpeg, readPicture, resizePicture } from "../../image/io.js";
import type { Size } from "../../image/picture.js";
import type { DrawingStyle } from "../../tasks/registry.js";
import { rleArea } from "../../tasks/rle.js";
import type { TaskResult } from "../../tasks/task.js";
import { type Answer, decodeAnswer, ownSize, readAnswer } from "../answer.js";
import type { CorpusEntry, CorpusRecord } from "../record.js";
import { grouped, share } from "./bars.js";
import { type Html, html } from "./html.js";
import { drawAnswer } from "./overlay.js";

/** Longer side of an overlay, pixels: about twice what the page shows, for sharp screens. */
const OVERLAY_SIDE = 320;
/** Pictures larger than this are scaled down for the page. */
const MAX_SIDE = 256;

/** @throws {InstructCvError} "image" when a picture does not decode */
export async function card(entry: CorpusEntry, style: DrawingStyle): Promise<Html> {
  const { record } = entry;
  const answer = await readAnswer(entry);
  const own = ownSize(record);
  const facts = factsOf(decodeAnswer(answer, style, own), record);
  const pictures = [
    ["photo", await jpegOrSmaller(entry.image, "image/jpeg", answer.photo), `photo ${record.photo}`],
    ["target", await jpegOrSmaller(entry.target, "image/png", answer.photo), `drawn answer to: ${record.instruction}`],
    ["decoded", await overlayUrl(answer, style, own), `the answer drawn over the photo: ${facts.alt}`],
  ] as const;
  return html`<article class="card">
<h3>${record.instruction}</h3>
<div class="row">${pictures.map(
    ([kind, url, alt]) =>
      html`<figure><img class="${kind}" src="${url}" alt="${alt}" style="aspect-ratio:${own.width}/${own.height}"><figcaption>${kind}</figcaption></figure>`,
  )}</div>
<p class="facts">${facts.shown}</p>
<p class="source">${record.photo}, ${own.width} x ${own.height} px, ${record.wording} wording</p>
</article>
`;
}

async function overlayUrl(answer: Answer, style: DrawingStyle, own: Size): Promise<string> {
  const scale = OVERLAY_SIDE / Math.max(own.width, own.height);
  const size = {
    width: Math.max(1, Math.round(own.width * scale)),
    height: Math.max(1, Math.round(own.height * scale)),
  };
  const photo = await resizePicture(answer.photo, size);
  const drawn = drawAnswer(photo, decodeAnswer(answer, style, size));
  return dataUrl("image/jpeg", await encodeJpeg(drawn, 85));
}

async function jpegOrSmaller(bytes: Buffer, type: string, { width, height }: Size): Promise<string> {
  if (width <= MAX_SIDE) return dataUrl(type, bytes);
  const scale = MAX_SIDE / width;
  const small = await resizePicture(await readPicture(bytes), { width: MAX_SIDE, height: Math.round(height * scale) });
  return dataUrl("image/jpeg", await encodeJpeg(small, 90));
}

function dataUrl(type: string, bytes: Buffer): string {
  return `data:${type};base64,${bytes.toString("base64")}`;
}

/** What the drawing says, in numbers of the photo's own size; `alt` is plain text. */
function factsOf(result: TaskResult, record: CorpusRecord): { shown: Html; alt: string } {
  const chip = (present: boolean) =>
    html`<span class="chip ${present ? "present" : "absent"}">${present ? "present" : "absent"}</span>`;
  const plain = (alt: string) => ({ alt, shown: html`${alt}` });
  switch (result.task) {
    case "segmentation": {
      const pixels = result.size.width * result.size.height;
      const alt = `${grouped(result.area)} pixels, ${share(result.area, pixels)} of the photo`;
      const label = record.mask ? `; label ${grouped(rleArea(record.mask))} pixels` : "";
      return { alt, shown: html`${chip(result.area > 0)} ${alt}${label}` };
    }
    case "detection": {
      const boxes = result.boxes.map(({ xyxy }) => `[${xyxy.map(Math.round).join(", ")}]`);
      const alt = boxes.length === 0 ? "no box" : `box ${boxes.join(" ")}`;
      return { alt, shown: html`${chip(boxes.length > 0)} ${alt}; label ${record.boxes!.length}` };
    }
    case "depth":
      return plain(`${result.min.toFixed(2)} m (yellow) to ${result.max.toFixed(2)} m (violet)`);
    case "classification": {
      const { positive, negative } = record.slots;
      const alt = `${result.present ? "present" : "absent"}, P(present) = ${result.probability.toFixed(2)}`;
      const colours = `${positive?.name ?? "green"} = yes, ${negative?.name ?? "red"} = no`;
      return { alt, shown: html`${chip(result.present)} P(present) = ${result.probability.toFixed(2)}; ${colours}` };
    }
  }
}
