import { describe, expect, it } from "vitest";
import { InstructCvError } from "../errors.js";
import { parseInstruction } from "./parse.js";

const short = (text: string) => {
  const { task, slots } = parseInstruction(text);
  const colours = slots.positive ? ` ${slots.positive.name}/${slots.negative?.name}` : "";
  return `${task} ${slots.category}${colours}`;
};
const failure = (text: string): string => {
  try {
    parseInstruction(text);
  } catch (error) {
    expect(error).toBeInstanceOf(InstructCvError);
    expect((error as InstructCvError).code).toBe("instruction");
    expect((error as Error).message).not.toContain("\n");
    return (error as Error).message;
  }
  throw new Error(`"${text}" was understood`);
};

describe("parseInstruction", () => {
  it.each([
    ["where is the dog?", "detection dog"],
    ["WHERE'S THE CAT", "detection cat"],
    ["draw boxes round the people", "detection person"],
    ["please, could you draw a rectangle around my bicycle", "detection bicycle"],
    ["detect aeroplanes", "detection airplane"],
    ["Find the dog near the tree", "detection dog"],
    ["Where are the cats and dogs?", "detection cat"],
    ["locate the parking meters", "detection parking meter"],
    ["Find all traffic cones", "detection traffic cones"],
    ["how far away is everything", "depth null"],
    ["what is the distance to the wall", "depth null"],
    ["cut the kitten out", "segmentation cat"],
    ["Segment the box", "segmentation box"],
    ["draw a box around each box", "detection box"],
    ["is there a box in this picture?", "classification box green/red"],
    ["Identify the dog", "detection dog"],
    ["Segment the chest of drawers", "segmentation chest of drawers"],
    ["which pixels are puppies?", "segmentation dog"],
    ["Segment the red fire hydrant", "segmentation fire hydrant"],
    ["Segment the tv monitor", "segmentation tv"],
    ["outline the car", "segmentation car"],
    ["highlight the wine glasses", "segmentation wine glass"],
    ["mask the person on the left", "segmentation person"],
    ["segment the t-shirt", "segmentation t-shirt"],
    ["Segment the garden gnome", "segmentation garden gnome"],
    ["Segment the car window", "segmentation window"],
  ])("%s -> %s", (text, expected) => {
    expect(short(text)).toBe(expected);
  });

  it.each([
    ["is there a dog in the distance", "classification dog green/red"],
    ["is the dog in the background?", "classification dog green/red"],
    ["Is there a unicorn in this photo?", "classification unicorn green/red"],
    ["is there a black cat? show green if yes else red", "classification cat green/red"],
    ["if there's no dog show red, if there is one show blue", "classification dog blue/red"],
    ["no dog: red, dog: yellow", "classification dog yellow/red"],
    ["make the screen blue unless there is a horse", "classification horse green/blue"],
    ["show yellow when you spot a pug and black when you don't", "classification pug yellow/black"],
    ["Show red if the picture has an orange, otherwise show blue", "classification orange red/blue"],
    ["Show green if there is a cat", "classification cat green/red"],
    ["Show red if there is a cat", "classification cat red/green"],
  ])("%s -> %s", (text, expected) => {
    expect(short(text)).toBe(expected);
  });

  it("gives the sentence back with single spaces", () => {
    expect(parseInstruction("  Segment\n the   dog ").text).toBe("Segment the dog");
  });

  it.each([
    "Write a poem about dogs",
    "What is the capital of France?",
    "remove the dog",
    "count the sheep",
    "dog",
    "Are you a robot?",
    "Do you like cats?",
    "Translate this to German",
    "???",
    "12345",
    "猫はどこですか",
  ])("refuses %s and says what is understood", (text) => {
    const message = failure(text);
    expect(message).toMatch(/asks for no vision task\. Understood are/);
    for (const example of ["Segment the dog", "Detect the dog", "Estimate the depth", "Is there a dog"])
      expect(message).toContain(example);
  });

  it("refuses tasks without a thing", () => {
    expect(failure("Segment")).toMatch(
      /asks for segmentation but does not say of what\. Name it, such as "Segment the dog"/,
    );
    expect(failure("detect everything, please")).toMatch(/asks for detection but does not say of what/);
    expect(failure("find all the objects in this image")).toMatch(/does not say of what/);
  });

  it("refuses empty and endless text", () => {
    expect(failure("")).toMatch(/is empty\. Say what to do/);
    expect(failure(" \n\t ")).toMatch(/is empty/);
    expect(failure(`Segment the ${"very ".repeat(2000)}small dog`)).toMatch(/characters, at most 1000 are read/);
    expect(failure("x".repeat(500))).toMatch(/^"x{57}\.\.\." asks for no vision task/);
  });

  it("refuses colours the palette lacks", () => {
    expect(failure("Show purple if the picture has a cat, otherwise show pink")).toMatch(
      /The colour purple is not one of those understood: red, green, blue, yellow, white, black/,
    );
    expect(failure("Show orange if there is a cat, otherwise blue")).toMatch(/colour orange/);
  });
});
