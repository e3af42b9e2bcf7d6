/** The little English an instruction needs: articles, plurals, and back to the singular. */

/** Nouns that are their own plural or name no countable thing. */
const UNCOUNTED = new Set(
  "sheep,scissors,skis,sky,grass,water,sand,pavement,broccoli,pants,glasses,binoculars,jeans,clothes,furniture,great pyrenees,floor covering,snow,rain,people".split(
    ",",
  ),
);
/** Among them those that take no article. */
const NO_ARTICLE = new Set(
  "scissors,skis,grass,water,sand,broccoli,pants,glasses,binoculars,jeans,clothes,furniture,snow,rain,people".split(
    ",",
  ),
);
const IRREGULAR: Readonly<Record<string, string>> = {
  person: "people",
  mouse: "mice",
  man: "men",
  woman: "women",
  child: "children",
  knife: "knives",
  shelf: "shelves",
  bookshelf: "bookshelves",
  leaf: "leaves",
  wolf: "wolves",
  calf: "calves",
  foot: "feet",
  tooth: "teeth",
  goose: "geese",
};
const SINGULAR = new Map(Object.entries(IRREGULAR).map(([one, many]) => [many, one]));

/** "a dog", "an airplane", "scissors". */
export function withArticle(noun: string): string {
  if (NO_ARTICLE.has(noun)) return noun;
  const vowel = /^(?:[aeio]|u(?!ni|se|ro|ku)|hour|honest)/.test(noun) && !/^(?:eu|one\b)/.test(noun);
  return `${vowel ? "an" : "a"} ${noun}`;
}

/** Plural of the last word: "dogs", "potted plants", "people". */
export function plural(noun: string): string {
  if (UNCOUNTED.has(noun)) return noun;
  const at = noun.lastIndexOf(" ") + 1;
  const [head, last] = [noun.slice(0, at), noun.slice(at)];
  if (IRREGULAR[last]) return head + IRREGULAR[last];
  if (/(?:s|x|z|ch|sh)$/.test(last)) return `${noun}es`;
  if (/[^aeiou]y$/.test(last)) return `${noun.slice(0, -1)}ies`;
  return `${noun}s`;
}

/** The nouns whose plural `noun` may be, most likely first; empty when it does not look like a plural. */
export function singulars(noun: string): string[] {
  const at = noun.lastIndexOf(" ") + 1;
  const [head, last] = [noun.slice(0, at), noun.slice(at)];
  const irregular = SINGULAR.get(last);
  if (irregular) return [head + irregular];
  const found: string[] = [];
  if (last.endsWith("ies")) found.push(`${last.slice(0, -3)}y`);
  if (last.endsWith("es")) found.push(last.slice(0, -2));
  if (last.endsWith("s") && !last.endsWith("ss")) found.push(last.slice(0, -1));
  return found.map((word) => head + word);
}
