/** The lines in a language model's reply, however it chose to write them; what they are worth is for the linter to say. */

/**
 * Understands JSON (an array, or an object that holds one; bare, in a fence, amid talk, cut off) and else one line a paraphrase, numbered,
 * bulleted, quoted or plain.
 * @param cut whether the reply broke off: its last line is then left out unless it is complete JSON
 */
export function linesOf(reply: string, cut = false): string[] {
  const text = reply.replace(/<think>[\s\S]*?(?:<\/think>|$)/g, "").slice(0, LONGEST_REPLY);
  const found = jsonLines(text) ?? cutJsonLines(text) ?? plainLines(text, cut);
  return found.map(tidy).filter((line) => line !== "");
}

/** Characters: many times what was asked for. */
const LONGEST_REPLY = 32_768;
/** Brackets of prose before the JSON, at most. */
const MOST_BRACKETS = 100;

/** Strings of the first JSON value in the text that has any. */
function jsonLines(text: string): string[] | undefined {
  const brackets = Array.from(text.matchAll(/[[{]/g), ({ index }) => index).slice(0, MOST_BRACKETS);
  for (const start of brackets) {
    const end = closing(text, start);
    if (end === undefined) continue;
    try {
      const strings = stringsIn(JSON.parse(text.slice(start, end)));
      if (strings.length > 0) return strings;
    } catch {
      // A bracket of the prose, or a slot.
    }
  }
  return undefined;
}

/** Where the bracket at `start` is closed again, brackets in strings apart. */
function closing(text: string, start: number): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < text.length; at++) {
    const letter = text[at]!;
    if (quoted) {
      if (letter === "\\") at++;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === "[" || letter === "{") depth++;
    else if ((letter === "]" || letter === "}") && --depth === 0) return at + 1;
  }
  return undefined;
}

function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(stringsIn);
}

/** Whole strings of an array whose end is missing or damaged. */
function cutJsonLines(text: string): string[] | undefined {
  const array = text.search(/\[\s*"/);
  if (array < 0) return undefined;
  const strings = text.slice(array).match(/"(?:[^"\\\n]|\\.)*"(?=\s*[,\]])/g) ?? [];
  return strings.flatMap((string) => {
    try {
      return [JSON.parse(string) as string];
    } catch {
      return [];
    }
  });
}

function plainLines(text: string, cut: boolean): string[] {
  const lines = text.split(/\r?\n/);
  if (cut) lines.pop();
  return lines.filter((line) => !/^\s*(?:```|~~~|[[\]{},\s]*$)/.test(line));
}

/** Without what carried the line: numbers, bullets, quotes, a comma or full stop at the end, typographic signs, doubled braces. */
function tidy(line: string): string {
  return line
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/\u00a0/g, " ")
    .replace(/\{\{\s*([^{}]*?)\s*\}\}/g, "{$1}")
    .trim()
    .replace(/^(?:\(?\d+[.):]|[-*\u2022])\s+/, "")
    .replace(/^(\*\*|["'`])(.*?)\1?,?$/, "$2")
    .replace(/\.$/, "")
    .replace(/\s+/g, " ")
    .trim();
}
