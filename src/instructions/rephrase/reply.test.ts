import { describe, expect, it } from "vitest";
import { linesOf } from "./reply.js";

const two = ["Mask the {category}", "Which pixels show {a category}?"];
const json = JSON.stringify(two);

describe("linesOf", () => {
  it.each<[string, string]>([
    ["a JSON array", json],
    ["a JSON array over several lines", JSON.stringify(two, null, 2)],
    ["a fenced array amid talk", `Sure! Here are {2} lines [as asked]:\n\n\`\`\`json\n${json}\n\`\`\`\nAnything else?`],
    ["an object that holds the array", JSON.stringify({ paraphrases: two })],
    ["an array of objects", JSON.stringify(two.map((text) => ({ text })))],
    ["numbered lines", `1. ${two[0]}.\n2) ${two[1]}`],
    ["numbered lines in bold", `1. **${two[0]}**\n2. **${two[1]}**`],
    ["bullets", `- ${two[0]}\n\n* ${two[1]}`],
    ["quoted lines with commas", `"${two[0]}",\n"${two[1]}"`],
    ["code", `\`\`\`\n${two[0]}\n${two[1]}\n\`\`\``],
    ["thoughts first", `<think>Maybe ["Detect it"]?</think>\n${json}`],
    ["doubled braces and non-breaking spaces", json.replace("{category}", "{{category}}").replace("the ", "the\u00a0")],
    ["an array that was never closed", `${json.slice(0, -1)}, "Cut out th`],
    ["an array with a comma too many", json.replace("]", ",]")],
  ])("reads %s", (_, reply) => expect(linesOf(reply)).toEqual(two));

  it("leaves out the line that a cut reply ends with", () => {
    expect(linesOf(`1. ${two[0]}\n2. Which pix`, true)).toEqual([two[0]]);
    expect(linesOf(`["${two[0]}", "Which pix`, true)).toEqual([two[0]]);
  });

  it("passes on chatter and defects for the linter to judge", () => {
    expect(linesOf("Here are two:\n1. Lo{category}e it\n2. Segmentez le {category}")).toEqual([
      "Here are two:",
      "Lo{category}e it",
      "Segmentez le {category}",
    ]);
  });

  it.each(["", "\n\n", "```\n```", "[]", "<think>hm"])("finds nothing in %j", (reply) =>
    expect(linesOf(reply)).toEqual([]),
  );

  it("reads a hostile reply in no time", () => {
    const start = performance.now();
    for (const text of ["[", "{", '["', '"\\', "<think>", "1. ", "**"]) linesOf(text.repeat(500_000));
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
