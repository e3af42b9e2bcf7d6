/** Whether a line is English and spelt right, by the share of words that English instructions use: short lines are too short for statistics of letters. */
import { everydayWords, wordsOf } from "./words.js";

/** What everyday words lack: verbs, nouns and adjectives of requests about photos, in their base form. */
const MORE = `able accomplish account achieve acquire additional aid aim allow analyse analysis analyze another anyone apart apply approximate
  approximation area arrange arrive ascertain ask aspect assess assign assist assistance attempt author automatic avoid aware away backdrop
  base based basis be become before begin behind below beneath best better big bit block body bottom break brightness bring brush build call
  cannot capture careful carry catch center central centre certain change channel characterise characterize check circle clarify class
  classification classifier classify clear close colourful come compare comparison compile component comprehensive compute computer conduct
  confirm consider consist constitute construct content convert corner correct correspond corresponding couple craft current curve cutting
  dark decipher deep define deliver delimit delineate demarcate demonstrate denote depict deploy derive describe deserve design determine
  develop device diagram difference different differentiate difficulty digital discern discover discovery dissect distant distinct
  distinguish distribution division dot down drawing during easy edge effect either element eliminate emit employ emphasise emphasize encircle
  encounter end enough ensure entirety equal especially estimate evaluate evaluation even every evidence examine example excellent
  except execute exercise exhibit existence expand explain exposure express extent eye face fact fair familiar far feasible feature few field
  figure final fine finger first fit five flag floor focus follow following form format formulate four fragment front function furnish furthest
  further gauge general generate get give given go good grant graphic grateful grayscale great greyscale ground group guess guide half hand
  happen hard have help hence high highlight hint hold hope house human idea identification identify illustrate illustration imagery imaging
  impose in-between individual infer information inside inspect inspection instantly instruct instruction intensity interest interested
  interpret involve isolate issue job judge keen keep key kindly know label lack large last layer layout learn least leave left length
  lend level lie light like likely limit line list little live local locate location long look lot low machine main major manage manner many
  map mark match material matter measure measurement meter method metre middle mind minute model moment monochrome move name necessary need new next
  night normal note notice number obtain occur occurrence offer often old once one onto operation opposite option order ordinary outcome
  outer outside overall overlay overlook own pair panel paper part partition pattern people per perceive perform perhaps person perspective
  pick piece pinpoint plain plan plane plot plural portion portray pose possibility possible precise prefer prepare present presentation
  previous print probe procedure proceed process processing produce project proper property proportion provide proximity pull purpose push
  quantify question quick quite raise range rather raw reach read ready real really reason receive recognise recognition recognize
  recommend reconstruct record recover red refer reflect regard region register regular relate relative relevant rely remain remark render
  rendering report represent representation request require research resolve respect respective response result retrieve reveal review right
  rough round route row safe sample say scale scan second section see seem sense separation sequence series serve service set several
  shade shadow shall share sharp sheet shift short should shoot side sight sign signal significant silhouette similar simple simply since singular
  size sketch slice small smart so soft solid solve something soon sort source space spatial speak special specific specified specify
  square stage standard start state step still stop straight strip strong structure style sub subject such sufficient suggest suit supply
  support suppose surface survey symbol system tag task technique ten term test thank thing think third thorough three through throughout tight
  time tiny tint tone tool top total touch toward towards track transform translate transparent treat true try turn two type typical
  uncover under undertake unit until up upper use useful user usual utilise utilize valid value variety various verify version very
  via view viewer viewpoint virtual visibility vision visual visualisation visualise visualization visualize wait walk wall want wash
  watch way well whenever wherever wide width wish witness word work world worth write wrong yet yield zero zone
  everyone nobody none indeed however although though because while despite unlike beyond among amongst beside besides
  accurate assume boxed candidate clearly contour convey coordinate denoting detail detailed display downstream examine explicit fetch
  flood grab heat hunt inform inventory lay map-like mention metric monitor nearby near nearest object-level painted per-object pop quantity
  range remainder replicate restrict rim scour sift single-channel sit solely stencil surroundings tell trace trim wherever whichever wrap
  annotate annotation annotated bounds bound outlined boundary rectangular framed occurrence anywhere spatially visually semantic semantically
  inspect lidar stereo disparity estimation depth-map far-away closeness farness distant remoteness colour-code color-code encode decode
  affirmative negative positive otherwise instead assuming detectable discernible observed observe observable noticeable appearing occurring
  default entirely fully canvas screen tint flash light glow hue wholly respectively contrary whereas case event should
  remove delete erase replace edit hide blur swap eliminate retouch add attach change drop hide count tally enumerate total caption summarise summarize
  summary narrate narration name guess breed species age size happen imagine invent photograph hello goodbye welcome sorry cook wash clean buy eat
  drive ride fly run walk sit stand sleep play sing dance read kiss hug feed pet chase throw kick hit break fix build wear carry hold
  algorithm appreciate curious trouble guidance goal expertise thankful oblige available struggle chart graph smaller effective implement data methodology
  strategy adopt approach tactic development objective capable capability action divide subdivide depiction categorize categorise breakdown composition
  ratio totality equip scope problem achievable bracket attention comprehend particular collection assortment exhaustive compilation selection character
  calculation setup lone input solitary perception educate angle blank whiten blacken darken brighten lighten invert tag shape-wise dimensional
  heatmap heat-map surfaces lens snapshot canvas occupy occupied occupancy existence absence elsewhere nowhere verdict ink crisp
  seen gone found done taken drawn shown given known cut put set let spread swath tile sector zone territory footprint`;

/** Little words of German, French, Spanish, Portuguese, Italian and Dutch that English has not. */
const FOREIGN = new Set(
  `der die das den dem des ein eine einen einem einer und im mit auf ist sind wo alle zum von bild fur le la les un une du dans sur avec est cette ces et
  ou que qui il elle aux au el los las del una en con y esta este por para donde lo gli della nella di che nel dello o os um uma na em da dos
  ao sul sulla het een op van deze dit en de och det på alla`.split(/\s+/),
);
/** A known word in every second place is what related languages reach by chance ("localise le ... dans cette image"). */
const LEAST_SHARE = 0.6;

const known: ReadonlySet<string> = new Set([...everydayWords, ...MORE.split(/\s+/)]);

/** False when too few words of the line are English; slots count for nothing. */
export function isEnglish(line: string): boolean {
  const words = wordsOutsideSlots(line);
  if (words.some((word) => FOREIGN.has(word) || /^(?:[ldnjs]|qu)'/.test(word))) return false;
  return words.length === 0 || words.filter(isKnown).length >= LEAST_SHARE * words.length;
}

/** The first unknown word that is a known one with a letter too many, missing or out of place inside it ("plese"). */
export function misspelt(line: string): string | undefined {
  return wordsOutsideSlots(line).find(
    (word) => word.length >= 5 && !isKnown(word) && slipsOf(word).some((near) => known.has(near)),
  );
}

/** First and last letters are left alone: there endings differ ("whiten"), and so do words on purpose. */
function slipsOf(word: string): string[] {
  const near: string[] = [];
  for (let at = 1; at < word.length; at++) {
    const [head, tail] = [word.slice(0, at), word.slice(at)];
    if (tail.length > 1) near.push(head + tail.slice(1), head + tail[1] + tail[0] + tail.slice(2));
    for (const letter of "abcdefghijklmnopqrstuvwxyz") near.push(head + letter + tail);
  }
  return near;
}

function wordsOutsideSlots(line: string): string[] {
  return wordsOf(line.replace(/\{[^}]*\}(?:'s)?/g, " ")).filter((word) => word !== ",");
}

function isKnown(word: string): boolean {
  if (word.includes("-")) return word.split("-").every(isKnown);
  const base = word.replace(/'(?:s|re|ve|ll|d|m)?$|n't$/, "");
  return bases(base).some((form) => known.has(form)) || /^\d+$/.test(word);
}

/** The word itself and what English endings may have been put on. */
function bases(word: string): string[] {
  const forms = [word];
  const without = (ending: RegExp, ...others: readonly string[]) => {
    if (!ending.test(word)) return;
    const stem = word.replace(ending, "");
    for (const other of others) forms.push(stem + other);
    if (/([b-df-hj-np-tv-z])\1$/.test(stem)) forms.push(stem.slice(0, -1));
  };
  without(/ies$/, "y");
  without(/es$/, "", "e");
  without(/s$/, "");
  without(/ied$/, "y");
  without(/ed$/, "", "e");
  without(/ing$/, "", "e");
  without(/ily$/, "y");
  without(/ly$/, "", "le");
  return forms;
}
