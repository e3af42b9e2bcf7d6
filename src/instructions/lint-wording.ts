/** What is wrong with the text of a line, whatever its task: left-overs of a language model's answer, other languages, bad English. */
import { isEnglish, misspelt } from "./english.js";

const LENGTH = { min: 3, max: 120 };

type Rule = readonly [problem: string, bad: (line: string, literal: string) => boolean];

/** `literal` is the line with every slot written `{}`. */
const RULES: readonly Rule[] = [
  ["has a number or bullet left over", (line) => /^\s*(?:\(?\d+\s*[.):]|\d+ -|[-*\u2022]\s|\(?[a-z]\))/i.test(line)],
  ["has markdown left over", (line) => /\*\*|__|`|^\s*[#>]|\]\(/.test(line)],
  ["has quotes left over", (line) => /["\u201c\u201d\u00ab\u00bb]|^'|'$/.test(line)],
  ["has an emoji", (line) => /\p{Extended_Pictographic}/u.test(line)],
  ["has a left-over placeholder", (line) => /[%*#<>[\]$_|\\]/.test(line)],
  ["has a slot inside a word", (_, literal) => /\{\}\w|\w\{\}/.test(literal)],
  ["has an unpaired brace", (_, literal) => /[{}]/.test(literal.replaceAll("{}", ""))],
  ["is chatter, no instruction", (line) => isChatter(line)],
  ["is not everyday English", (line) => !isEnglish(line)],
  ["has a misspelt word", (line) => misspelt(line) !== undefined],
  ["has a character outside plain English", (line) => /[^\x20-\x7e]/.test(line)],
  [`is not ${LENGTH.min} to ${LENGTH.max} characters long`, ({ length }) => length < LENGTH.min || length > LENGTH.max],
  ["has stray spaces", (line) => line !== line.trim() || /\s{2}|\s[,.?!]/.test(line)],
  ["does not start with a capital letter", (line) => !/^(?:[A-Z]|\{)/.test(line)],
  ["has a word in capitals", (_, literal) => /\b[A-Z]{2,}\b/.test(literal)],
  ["has a capital letter inside a sentence", (_, literal) => /[^.?!:\s]["')]?\s+(?!I\b)[A-Z][a-z]/.test(literal)],
  ["sets its own article before the category", (line) => /\ban? \{(?:a )?categor(?:y|ies)\}/i.test(line)],
  [
    "has two articles",
    (line) =>
      /\b(?:the|an?) (?:the|an?|this|that|these|those|its)\b|\b(?:the|each|every|no|any|this|that) \{a category\}/i.test(
        line,
      ),
  ],
  ["has a plural after a singular word", (line) => /\b(?:each|every|one|this) \{categories\}/i.test(line)],
  [
    "has a singular after a plural word",
    (line) => /\b(?:all|many|these|those|several)(?: of)? (?:the )?\{category\}/i.test(line),
  ],
  [
    "has the wrong article",
    (_, literal) =>
      /\ba [aeiou]\w|\ban [^aeioux{\W]\w/i.test(literal.replace(/\b(?:a|an) (?:one|un[ik]|us|hour)\w*/gi, "")),
  ],
  ["repeats a word", (_, literal) => /\b(\w+) \1\b/i.test(literal)],
];

/** All problems of the text, the most telling first. */
export function wordingProblems(line: string): string[] {
  const literal = line.replace(/\{[^}]*\}/g, "{}");
  return RULES.filter(([, bad]) => bad(line, literal)).map(([problem]) => problem);
}

const OPENING =
  /^(?:sure|certainly|of course|absolutely|okay|ok|great|alright|got it|here(?:'s| is| are)|below (?:is|are)|the following|as an ai|i(?:'m| am) sorry|i hope|i cannot|i can't (?:help|assist)|note\b|(?:re)?phras\w*|paraphras\w*|variations?\b|instructions?\b)(?! \{)/i;
const ABOUT_ITSELF =
  /\b(?:paraphras\w*|rephras\w*|rewordings?|reworded|placeholders?|json|let me know (?:if|whether|how)|feel free|hope (?:this|these|that)|as requested|language model)\b/i;
/** A sentence without a slot that has one of these is said to a person, not about the photo. */
const SMALL_TALK =
  /\b(?:i|i'm|i'd|me|my|you|your|we|us|thanks?|thank|help|hand|assistance|sure|certainly|hope|obliged|appreciated?)\b/i;
const ABOUT_PHOTO =
  /\b(?:picture|photo|photograph|image|scene|frame|pixels?|background|foreground|rest|yes|no|box|boxes|mask|show|depth)\b/i;

/** Talk about the answer ("Sure! Here are ...") or, beside the instruction, sentences that ask for nothing ("I need some help."). */
function isChatter(line: string): boolean {
  if (OPENING.test(line.trim()) || ABOUT_ITSELF.test(line) || /:\s*$/.test(line)) return true;
  const sentences = line.split(/(?<=[.?!])\s+/).filter((sentence) => /\w/.test(sentence));
  if (sentences.length < 2) return false;
  return (
    sentences.length > 2 ||
    sentences.some((sentence) => !sentence.includes("{") && (SMALL_TALK.test(sentence) || !ABOUT_PHOTO.test(sentence)))
  );
}
