import { describe, expect, it } from "vitest";
import type { TaskName } from "../tasks/task.js";
import { bank, type Wordings } from "./bank.js";
import { lintBank, lintLine } from "./lint.js";

/** Our bank with one line more for a task. */
const withLine = (task: TaskName, line: string, part: "train" | "unseen" = "train"): Record<TaskName, Wordings> => ({
  ...bank,
  [task]: { ...bank[task], [part]: [...bank[task][part], line] },
});
const problemsOf = (task: TaskName, line: string, part?: "train" | "unseen") =>
  lintBank(withLine(task, line, part))
    .map(({ problem }) => problem)
    .join("; ");

describe("lintBank", () => {
  it("finds nothing in our bank", () => {
    expect(lintBank()).toEqual([]);
  });

  it("passes a good new line", () => {
    expect(problemsOf("detection", "Look for the {category} and box it")).toBe("");
  });

  it.each<[TaskName, string, RegExp]>([
    ["detection", "Lo%e the {category}", /left-over placeholder/],
    ["detection", "Lo{category}e it", /slot inside a word/],
    ["detection", "Detect every %", /left-over.*names no category/],
    ["classification", "Show * if there is {a category}, otherwise #", /left-over/],
    ["detection", "Detect and remove every {category}", /asks to edit/],
    ["segmentation", "Erase all but the {category}", /asks to edit/],
    ["segmentation", "Segment the object", /names no category/],
    ["segmentation", "Segment the {category} and the {category}", /category twice/],
    ["segmentation", "Segment the {object}", /slot \{object\}/],
    ["depth", "Estimate the depth of the {category}", /does not have/],
    ["classification", "Show {positive} if there is {a category}", /only one of the two colours/],
    [
      "classification",
      "Show green if there is {a category}, otherwise {positive} or {negative}",
      /colour that is no slot/,
    ],
    ["segmentation", "segment the {category} here", /capital letter/],
    ["segmentation", "SEGMENT the {category}", /capitals/],
    ["segmentation", "Segment  the {category}", /stray spaces/],
    ["segmentation", "Segment the {category} .", /stray spaces/],
    ["segmentation", "Segment a {category}", /own article/],
    ["segmentation", "Segment the {a category}", /two articles/],
    ["segmentation", "Segment every {categories}", /plural after a singular/],
    ["segmentation", "Segment all {category}", /singular after a plural/],
    ["segmentation", "Segment the {category} in a image", /wrong article/],
    ["segmentation", "Segment the the {category}", /repeats a word/],
    ["segmentation", `Segment the {category}${" in the photo".repeat(10)}`, /characters long/],
    ["segmentation", "Segment the {category", /unpaired brace/],
    ["segmentation", "Ségment the {category}", /plain English/],
    ["segmentation", "Where is the {category}?", /understood as detection.*repeats/],
    ["detection", "Wash the {category}", /understood as no task/],
    [
      "classification",
      "Show {negative} if there is {a category}, otherwise {positive}",
      /understood with other colours/,
    ],
  ])("%s: %s", (task, line, expected) => {
    expect(problemsOf(task, line)).toMatch(expected);
  });

  it("finds lines that leak from train to unseen, but for articles and case", () => {
    expect(problemsOf("segmentation", "Please segment every {category} you can see!", "unseen")).toMatch(
      /repeats a line of segmentation train/,
    );
    expect(problemsOf("detection", bank.segmentation.train[0]!)).toMatch(/repeats a line of segmentation train/);
  });
});

/** The first reason is what a table of rejections shows. */
describe("lintLine", () => {
  it.each<[TaskName, string]>([
    ["segmentation", "Render the {category} as white pixels on a black canvas"],
    ["segmentation", "Delineate the pixels occupied by the {category}"],
    ["detection", "I'd love to know where the {categories} are"],
    ["depth", "Gauge how far each surface lies from the lens"],
    ["classification", "Does the photo hold {a category}? Use {positive} for yes, {negative} for no"],
    ["classification", "Tint the frame {positive} whenever {a category} is visible, {negative} otherwise"],
  ])("passes %s: %s", (task, line) => expect(lintLine(task, line)).toEqual([]));

  it.each<[TaskName, string, string]>([
    // Lost slots.
    ["segmentation", "Segment everything in the photo", "names no category"],
    ["classification", "Show {positive} if there is {a category}", "names only one of the two colours"],
    // Another task than the template's.
    ["detection", "It is best to remove every {category} from the picture", "asks to edit the picture"],
    ["detection", "Count the {categories}", "asks to count"],
    ["detection", "How many {categories} can you find?", "asks to count"],
    ["segmentation", "Describe the {category} in the image", "asks to describe"],
    ["classification", "What colour is the {category}?", "asks for a property"],
    ["segmentation", "Show me how to use segmentation for the {category}", "asks to be taught"],
    ["segmentation", "Segment the image and calculate the {category}", "asks to calculate with the category"],
    ["segmentation", "Split the {category} in this graph by segmentation", "speaks of a chart, not a photo"],
    ["detection", "Find the {category} character in the picture", "asks for something of the category"],
    ["segmentation", "Draw a picture of {a category}", "asks for a new picture"],
    ["segmentation", "Find the {category}", "is understood as detection"],
    ["detection", "Locate the {category}'s position", "is understood of another category"],
    // Broken words.
    ["segmentation", "Use segmentation to lo{category}e it", "has a slot inside a word"],
    ["detection", "Find all {category}s", "has a slot inside a word"],
    ["detection", "Lo%e the {category}", "has a left-over placeholder"],
    ["depth", "Plese estimate the depth", "has a misspelt word"],
    ["depth", "Estimate how deep the this image is", "has two articles"],
    // Other languages, all in plain letters.
    ["segmentation", "Segmentez le {category} dans l'image", "is not everyday English"],
    ["segmentation", "Segmenta el {category}", "is not everyday English"],
    ["segmentation", "Segmente o {category} na imagem", "is not everyday English"],
    ["segmentation", "Segmenta a {category}", "is not everyday English"],
    ["detection", "Finde den {category}", "is not everyday English"],
    ["detection", "Localise le {category} dans cette image", "is not everyday English"],
    ["detection", "Rileva il {category}", "is not everyday English"],
    ["detection", "Vind het {category} op de foto", "is not everyday English"],
    ["depth", "Stima la profondita di questa immagine", "is not everyday English"],
    ["classification", "Zeige {positive}, wenn {a category} im Bild ist, sonst {negative}", "is not everyday English"],
    // Left over from the model's answer.
    ["segmentation", "Sure! Here are ten paraphrases", "is chatter, no instruction"],
    ["segmentation", "Here is one: Segment the {category} here", "is chatter, no instruction"],
    ["segmentation", "Can you segment the {category} here? I need some help.", "is chatter, no instruction"],
    ["depth", "Specify the depth of the photo. What would you do?", "is chatter, no instruction"],
    ["segmentation", "Let me know if you want more", "is chatter, no instruction"],
    ["segmentation", '"Segment the {category} here"', "has quotes left over"],
    ["segmentation", "3. Segment the {category} here", "has a number or bullet left over"],
    ["segmentation", "- Segment the {category} here", "has a number or bullet left over"],
    ["segmentation", "**Segment** the {category} here", "has markdown left over"],
    ["segmentation", "Segment the {category} here \u{1F600}", "has an emoji"],
    ["segmentation", "Segment the \u300c{category}\u300d here", "has a character outside plain English"],
    ["segmentation", "SEGMENT the {category} here", "has a word in capitals"],
    ["segmentation", "Segment The {category} Here", "has a capital letter inside a sentence"],
    ["segmentation", `Segment the {category}${" in the photo".repeat(10)}`, "is not 3 to 120 characters long"],
  ])("%s: %s", (task, line, reason) => expect(lintLine(task, line)[0]).toBe(reason));

  it.each([
    ["Mask the {category}", "repeats another line"],
    ["mask the {category}!", "repeats another line but for case, articles, punctuation or please"],
    ["Mask {a category}.", "repeats another line but for case, articles, punctuation or please"],
    ["Please, mask the {categories}", "repeats another line but for case, articles, punctuation or please"],
    ["Could you kindly mask the {category}?", "repeats another line but for politeness"],
    ["Would it be possible to mask the {category} for me?", "repeats another line but for politeness"],
    ["Mask every {category}", undefined],
  ])("beside a line to mask: %s", (line, reason) => {
    expect(
      lintLine("segmentation", line, ["Mask the {category}"]).find((problem) => problem.startsWith("repeats")),
    ).toBe(reason);
  });

  it("lets a written bank train polite forms, but hold none of them back as unseen", () => {
    expect(problemsOf("segmentation", "Could you mask the {category}?")).toBe("");
    expect(problemsOf("segmentation", "Could you mask the {category}?", "unseen")).toMatch(/train but for politeness/);
  });
});
