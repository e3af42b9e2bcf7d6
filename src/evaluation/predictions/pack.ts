/** A reply as a line of JSON, its maps as PNGs inside: exact, since answers are scored in the precision of PNGs. */
import { encodeDepthPng, encodeGreyPng, encodeJpeg, readGrey16, readIndexed8, readPicture } from "../../image/io.js";
import type { Size } from "../../image/picture.js";
import { decodeRle, encodeRle } from "../../tasks/rle.js";
import type { Answer } from "../predictor.js";
import type { Reply } from "../respondent.js";

/** The drawing is kept for looking at only. */
const DRAWN_QUALITY = 85;

type Packed =
  | { readonly fault: string }
  | { readonly answer: Readonly<Record<string, unknown>>; readonly drawn?: string; readonly misread?: true };

export async function packReply(reply: Reply, size: Size): Promise<string> {
  if ("fault" in reply) return JSON.stringify(reply satisfies Packed);
  const packed: Packed = {
    answer: await packAnswer(reply.answer, size),
    ...(reply.drawn && { drawn: (await encodeJpeg(reply.drawn, DRAWN_QUALITY)).toString("base64") }),
    ...(reply.misread && { misread: true }),
  };
  return JSON.stringify(packed);
}

async function packAnswer(answer: Answer, size: Size): Promise<Readonly<Record<string, unknown>>> {
  switch (answer.task) {
    case "segmentation":
      return {
        task: answer.task,
        mask: encodeRle(answer.mask, size).counts,
        probability: base64(encodeGreyPng(levels(answer.probability), size)),
      };
    case "depth":
      return { task: answer.task, metres: base64(await encodeDepthPng(millimetres(answer.metres), size)) };
    default:
      return { ...answer };
  }
}

/** @throws when it is no reply about a photo of this size */
export async function unpackReply(text: string, size: Size): Promise<Reply> {
  const packed = JSON.parse(text) as Packed;
  if ("fault" in packed) return packed;
  const answer = await unpackAnswer(packed.answer, size);
  const drawn = packed.drawn ? await readPicture(Buffer.from(packed.drawn, "base64")) : undefined;
  return { answer, ...(drawn && { drawn }), ...(packed.misread && { misread: true }) };
}

async function unpackAnswer(packed: Readonly<Record<string, unknown>>, size: Size): Promise<Answer> {
  const png = (key: string) => Buffer.from(packed[key] as string, "base64");
  if (packed.task === "segmentation") {
    const mask = decodeRle({ size: [size.height, size.width], counts: packed.mask as string });
    return { task: "segmentation", mask, probability: fromLevels((await readIndexed8(png("probability"))).data) };
  }
  if (packed.task === "depth")
    return { task: "depth", metres: fromMillimetres((await readGrey16(png("metres"))).data) };
  return packed as unknown as Answer;
}

export const levels = (probability: Float32Array) => Uint8Array.from(probability, (p) => Math.round(p * 255));
export const fromLevels = (data: Uint8Array) => Float32Array.from(data, (level) => level / 255);
export const millimetres = (metres: Float32Array) => Uint16Array.from(metres, (m) => Math.round(m * 1000));
export const fromMillimetres = (data: Uint16Array) => Float32Array.from(data, (level) => level / 1000);

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
