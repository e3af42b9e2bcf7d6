/** Which task a sentence asks for, by the words people use for each. */
import type { TaskName } from "../tasks/task.js";

const DEPTH =
  /\b(?:depths?|distances?|how (?:far|close|near|deep|distant)|(?:in|many) met(?:re|er)s|near(?:est)? (?:and|or|to|things) .*\bfar|near .*\bfar|far things|range (?:image|map)|disparity|farthest|furthest)\b/;
const MASK =
  /\b(?:segment\w*|masks?|masked|masking|pixels?|pixelwise|silhouettes?|cut ?outs?|cut .*out|isolat\w*|extract\w*|separat\w*|matte|foreground|binary|contours?|carve|tell .* apart|against (?:a )?(?:black|white)|(?<!in the )(?<!in )background)\b/;
/** With black and white these ask for a mask; with other colours for a yes or no. */
const REST = /\b(?:everything else|the rest|all others?|all the rest|nothing else)\b/;
const CONDITION = /\b(?:if|whether|unless|in case|provided|yes or no|depending on)\b/;
const BOX = /\b(?:box|boxes|boxed|bounding|rectangles?|coordinates)\b/;
const PLACE =
  /\b(?:detect\w*|where|whereabouts|where's|locat\w*|locali[sz]\w*|find(?! out)|finding|spot|spots|spotting|identif\w*|recogni[sz]\w*|discover\w*|position\w*|pinpoint|point (?:out|at|to)|search|seek|look(?:ing)? for|in which place)\b/;
const PRESENCE =
  /^(?:is|are|does|has|have|any|could|would)\b|\b(?:is|are) there\b|\b(?:contains?|includes?|present|visible|exists?|can you see|do you see|there is|there are|yes)\b/;
/** A bare question is about the photo only if it says so. */
const ABOUT_PHOTO =
  /\b(?:image|picture|photo|photograph|scene|frame|view|there|here|any|this|that|it|visible|present|see|show|shown|thing)\b/;
const SHAPE = /\b(?:highlight\w*|trac(?:e|ing)|outlin\w*|shapes?|regions?|areas?|part of|cover\w*|occup\w*)\b/;

/**
 * The task, or undefined when nothing in the sentence asks for one.
 * @param text lower-case words, the name of the thing replaced by "thing", hyphens by spaces
 * @param colours names of the palette in it
 */
export function taskOf(text: string, colours: ReadonlySet<string>): TaskName | undefined {
  const blackAndWhite = [...colours].every((name) => name === "black" || name === "white");
  if (DEPTH.test(text.replace(/\bin the distance\b/g, ""))) return "depth";
  if (MASK.test(text) || (colours.size > 0 && blackAndWhite && REST.test(text))) return "segmentation";
  if (CONDITION.test(text) && !(BOX.test(text) && colours.size < 2)) return "classification";
  if (BOX.test(text)) return "detection";
  if (colours.size >= 2) return "classification";
  if (PLACE.test(text)) return "detection";
  if (PRESENCE.test(text) && ABOUT_PHOTO.test(text)) return "classification";
  if (SHAPE.test(text)) return "segmentation";
  return undefined;
}
