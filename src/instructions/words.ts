/** A sentence as words and pauses, and the everyday words that never name the thing asked about. */

/** Lower-case words; a pause (comma, full stop, colon ...) is the word ",". Apostrophes and inner hyphens stay. */
export function wordsOf(sentence: string): string[] {
  const plain = sentence
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u2013\u2014]|\s-\s/g, " , ");
  return (
    plain.match(/[\p{L}\p{N}]+(?:['-][\p{L}\p{N}]+)*|[,;:.!?()]/gu)?.map((w) => (/^[,;:.!?()]$/.test(w) ? "," : w)) ??
    []
  );
}

const groups = {
  grammar: `a an the this that these those it its it's i i'm me my mine we us our you your they them their he she his her one ones who which
    what what's where where's whereabouts when how why whose and or but nor so then than as of in on at to into onto from for with without by
    about around against along across off over under up down out inside outside within between through per via instead upon apart together
    is are was were be been being am isn't aren't do does did don't doesn't has have had hasn't haven't having can cannot can't could couldn't
    will would should shall may might must if whether unless else otherwise not no none nothing any every each all both some only just also
    too very really again there here everywhere anywhere somewhere anything everything something someone somebody whatever wherever
    there's here's let let's yes ok okay thus own other others another rest remaining same such much many more most less`,
  courtesy: `please kindly thanks thank hello hi hey help want wants wanted need needs like love expect wonder know tell say says guess think
    look looks looking lookup try would-be favour favor dear sure want-to able possible possibly perhaps maybe exactly exact precise precisely
    accurate accurately quick quickly quietly clearly carefully tight tightly full whole entire complete completely single clean`,
  asking: `give gives get gets got make makes made making do doing done draw draws drawn drawing create creates produce produces generate
    generates return returns show shows shown showing display displays output outputs put puts place places add adds set sets turn turns
    go goes use uses using run runs perform performs compute computes calculate calculates estimate estimates estimation predict predicts
    infer find finds found finding seek search searches locate locates located locating location locations localize localise localizing
    localising localization localisation detect detects detected detecting detection detector spot spots spotted pinpoint point points
    pointing mark marks marked label labels labelled labeled select selects pick picks choose decide signal indicate indicates check checks
    see seeing seen sees notice noticed view visible hiding hidden present presence absent absence missing appear appears exist exists
    contain contains contained containing include includes included including feature features have-got hold holds cover covers covered
    covering belong belongs belonging occupy occupies take takes took taken mean means stand stands standing answer answers reply respond
    depend depending case provided true false segment segments segmented segmenting segmentation segmentations mask masks masked masking
    matte cut cuts cutting cutout cutouts cut-out cut-outs crop crops carve extract extracts extracting isolate isolates isolating separate
    separates split divide highlight highlights highlighted trace traces outline outlines outlined fill fills filled filling paint paints
    painted colour colours coloured color colors colored box boxes boxed bounding bounding-box rectangle rectangles rectangular frame frames
    framed surround surrounds enclose encloses enclosed ring lift tell telling`,
  things: `image images picture pictures photo photos photograph photographs pic pics shot snapshot scene scenes view screen camera room
    pixel pixels pixel-by-pixel per-pixel pixelwise pixel-wise region regions area areas part parts part-of place shape shapes silhouette
    silhouettes contour contours boundary boundaries edge edges border borders background backgrounds foreground surroundings map maps object
    objects thing things stuff item items instance instances class classes category categories kind kinds target targets position positions
    coordinate coordinates spot semantic instance binary metric monocular depth distance distances white black red green blue yellow grey gray
    dark bright near far away close`,
} as const;

/** Words that are never (part of) the name of an unknown thing. */
export const everydayWords: ReadonlySet<string> = new Set(Object.values(groups).flatMap((text) => text.split(/\s+/)));

/** Words that change no meaning. */
export const fillerWords: readonly string[] = groups.courtesy.split(/\s+/);

/** Words that decide which answer means what. */
export const polarityWords: ReadonlySet<string> = new Set(
  "no not none nothing neither without unless otherwise else missing absent yes if isn't doesn't is with for means".split(
    " ",
  ),
);

/** Words after which a thing is usually named. */
export const articles: ReadonlySet<string> = new Set(
  "a an the any every each all no some this that these those class target".split(" "),
);
