/** Which colour means yes and which means no in a sentence that names colours. */
import { InstructCvError } from "../errors.js";
import { colour, defaultColours, palette, slotColours } from "../tasks/colours.js";
import type { NamedColour } from "../tasks/task.js";

const OTHER_COLOURS = new Set(
  "purple pink orange brown grey gray cyan magenta violet turquoise teal lime navy maroon beige gold silver".split(" "),
);
const NO =
  /^(?:no|not|none|without|absent|missing|lacks?|lacking|isn't|aren't|doesn't|don't|can't|cannot|otherwise|else|unless|any other)$/;
const IF = /^(?:if|when|whenever|where|unless|provided|should|for|with|without|means|case|depending|seeing)$/;

/**
 * The colours of yes and no. A clause speaks of absence when it has a word like "no", "without" or "otherwise" ("otherwise" turns
 * around whatever condition came before); a colour takes the sign of its clause, or of the condition after it when its own has none.
 * @param words the sentence; words of the name of the thing must be left out
 * @throws {InstructCvError} when a colour is named that the palette lacks
 */
export function findColours(words: readonly string[]): { positive: NamedColour; negative: NamedColour } {
  const clauses = split(words);
  const signs = clauses.map(signOf);
  const mentions: { colour: NamedColour; sign: boolean }[] = [];
  let condition: boolean | undefined;
  for (const [i, clause] of clauses.entries()) {
    const own = signs[i];
    if (own === "opposite") condition = condition === undefined ? false : !condition;
    else if (own !== undefined) condition = own;
    for (const word of clause) {
      const named = colour(word);
      if (!named) continue;
      const ahead = signs.slice(i + 1).find((sign) => typeof sign === "boolean");
      mentions.push({ colour: named, sign: condition ?? (typeof ahead === "boolean" ? ahead : true) });
    }
  }
  const [first, second] = mentions.filter((m, i) => mentions.findIndex((other) => other.colour === m.colour) === i);
  if (!first) {
    refuseOther(words);
    return defaultColours;
  }
  if (!second) {
    refuseOther(words);
    return slotColours(
      first.sign ? { category: null, positive: first.colour } : { category: null, negative: first.colour },
    );
  }
  return first.sign
    ? { positive: first.colour, negative: second.colour }
    : { positive: second.colour, negative: first.colour };
}

/** Clauses end at pauses, at "and", "or", "but", and before "otherwise", "else" and "if". */
function split(words: readonly string[]): string[][] {
  const clauses: string[][] = [[]];
  for (const word of words) {
    if (/^(?:,|and|or|but|otherwise|else|if|unless)$/.test(word)) clauses.push([]);
    if (!/^(?:,|and|or|but)$/.test(word)) clauses.at(-1)!.push(word);
  }
  return clauses.filter((clause) => clause.length > 0);
}

/** True: presence, false: absence, "opposite": of what came before; undefined: no condition. */
function signOf(clause: readonly string[]): boolean | "opposite" | undefined {
  if (/^(?:otherwise|else)$/.test(clause[0]!)) return "opposite";
  if (clause.some((word) => NO.test(word))) return false;
  if (clause.some((word) => IF.test(word) || word === "yes")) return true;
  return undefined;
}

function refuseOther(words: readonly string[]): void {
  const other = words.find((word) => OTHER_COLOURS.has(word));
  if (!other) return;
  const names = palette.map(({ name }) => name).join(", ");
  throw new InstructCvError(
    "instruction",
    `The colour ${other} is not one of those understood: ${names}.`,
    "Name two of them.",
  );
}
