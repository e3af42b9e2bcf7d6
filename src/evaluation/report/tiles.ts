/** What a question looked like: photo, truth, what was drawn and where it is wrong, as small JPEGs. */
import { blend, copyPicture, type Rgb, strokeRectangle } from "../../image/draw.js";
import { encodeJpeg, resizePicture } from "../../image/io.js";
import type { Picture } from "../../image/picture.js";
import type { Answer, AnswerOf } from "../predictor.js";
import type { Question, Truth } from "../questions.js";
import type { Reply } from "../respondent.js";

const RIGHT: Rgb = [46, 160, 67];
const MISSED: Rgb = [214, 64, 54];
const CLAIMED: Rgb = [64, 120, 230];
const UNKNOWN: Rgb = [128, 128, 128];
/** Longer side of a tile. */
const SIDE = 208;
const QUALITY = 70;
/** Metres of error at which the error map is brightest. */
const WORST_METRES = 2;

export interface Tile {
  readonly caption: string;
  readonly url: string;
}

export async function tilesOf(photo: Picture, question: Question, reply: Reply): Promise<Tile[]> {
  if ("fault" in reply) return [];
  const { answer, drawn } = reply;
  const truth = question.truth as Truth;
  const tiles: [string, Picture][] = [
    ["photo", photo],
    ["truth", drawTruth(photo, question, truth)],
    ["drawn", drawn ?? overlay(photo, answer)],
    [errorCaption[question.task], drawError(photo, question, truth, answer)],
  ];
  const scale = SIDE / Math.max(photo.width, photo.height);
  const size = { width: Math.round(photo.width * scale), height: Math.round(photo.height * scale) };
  return Promise.all(
    tiles.map(async ([caption, picture]) => {
      const jpeg = await encodeJpeg(await resizePicture(picture, size), QUALITY);
      return { caption, url: `data:image/jpeg;base64,${jpeg.toString("base64")}` };
    }),
  );
}

const errorCaption = {
  segmentation: "green right, red missed, blue claimed",
  detection: "green truth, blue found",
  depth: `error, black 0 to white ${WORST_METRES} m; red too far, blue too near`,
  classification: "green right, red wrong",
} as const;

function drawTruth(photo: Picture, { present }: Question, truth: Truth): Picture {
  switch (truth.task) {
    case "segmentation":
      return tinted(photo, (i) => (truth.mask[i] === 1 ? RIGHT : truth.mask[i] === 255 ? UNKNOWN : undefined));
    case "detection":
      return outlined(
        photo,
        truth.boxes.map(({ xyxy, ignore }) => ({ xyxy, colour: ignore ? UNKNOWN : RIGHT })),
      );
    case "depth":
      return greyDepth(photo, truth.metres);
    case "classification":
      return framed(photo, present ? RIGHT : MISSED);
  }
}

/** For answers that nothing was drawn for. */
function overlay(photo: Picture, answer: Answer): Picture {
  switch (answer.task) {
    case "segmentation":
      return tinted(photo, (i) => (answer.mask[i] === 1 ? CLAIMED : undefined));
    case "detection":
      return outlined(
        photo,
        sure(answer).map(({ xyxy }) => ({ xyxy, colour: CLAIMED })),
      );
    case "depth":
      return greyDepth(photo, answer.metres);
    case "classification":
      return framed(photo, answer.present ? RIGHT : MISSED);
  }
}

function drawError(photo: Picture, { present }: Question, truth: Truth, answer: Answer): Picture {
  if (truth.task === "segmentation" && answer.task === "segmentation")
    return tinted(photo, (i) => {
      if (truth.mask[i] === 255) return UNKNOWN;
      if (truth.mask[i] === 1) return answer.mask[i] === 1 ? RIGHT : MISSED;
      return answer.mask[i] === 1 ? CLAIMED : undefined;
    });
  if (truth.task === "detection" && answer.task === "detection")
    return outlined(photo, [
      ...truth.boxes.map(({ xyxy }) => ({ xyxy, colour: RIGHT })),
      ...sure(answer).map(({ xyxy }) => ({ xyxy, colour: CLAIMED })),
    ]);
  if (truth.task === "depth" && answer.task === "depth") return depthError(photo, truth.metres, answer.metres);
  return framed(photo, answer.task === "classification" && answer.present === present ? RIGHT : MISSED);
}

/** Boxes with at least half the best score; the others would hide the picture. */
function sure({ boxes }: AnswerOf<"detection">) {
  const best = Math.max(0, ...boxes.map(({ score }) => score));
  return boxes.filter(({ score }) => score >= best / 2);
}

function tinted(photo: Picture, colourAt: (pixel: number) => Rgb | undefined): Picture {
  const picture = copyPicture(photo);
  for (let i = 0; i < photo.width * photo.height; i++) {
    const colour = colourAt(i);
    blend(picture, i, colour ?? [0, 0, 0], colour ? 0.6 : 0.4);
  }
  return picture;
}

function outlined(
  photo: Picture,
  boxes: readonly { readonly xyxy: readonly [number, number, number, number]; readonly colour: Rgb }[],
) {
  const picture = copyPicture(photo);
  const line = Math.max(2, Math.round(Math.max(photo.width, photo.height) / 90));
  for (const { xyxy, colour } of boxes) strokeRectangle(picture, xyxy, colour, line);
  return picture;
}

function framed(photo: Picture, colour: Rgb): Picture {
  return outlined(outlined(photo, []), [{ xyxy: [0, 0, photo.width, photo.height], colour }]);
}

/** As the depth codec draws it: linear, 10 m is white. */
function greyDepth({ width, height }: Picture, metres: Float32Array): Picture {
  const data = new Uint8Array(metres.length * 3);
  for (let i = 0; i < metres.length; i++) data.fill(Math.min(255, Math.round(metres[i]! * 25.5)), 3 * i, 3 * i + 3);
  return { width, height, data };
}

function depthError({ width, height }: Picture, truth: Float32Array, found: Float32Array): Picture {
  const picture = { width, height, data: new Uint8Array(truth.length * 3) };
  for (let i = 0; i < truth.length; i++) {
    if (!(truth[i]! > 0)) {
      blend(picture, i, UNKNOWN, 0.5);
      continue;
    }
    const error = (found[i]! - truth[i]!) / WORST_METRES;
    const strength = Math.min(1, Math.abs(error));
    const white: Rgb = [255, 255, 255];
    // Half-way to the worst the colour is full; beyond, it fades to white.
    blend(picture, i, error > 0 ? MISSED : CLAIMED, Math.min(1, 2 * strength));
    if (strength > 0.5) blend(picture, i, white, 2 * strength - 1);
  }
  return picture;
}
