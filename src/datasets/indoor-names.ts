/** Category names of the indoor sets (NYUv2, SUN RGB-D), in the spelling of COCO where the same thing has a COCO name. */

import { pooledName } from "./coco-names.js";

/** Words of these sets for a thing that the other sets call otherwise. */
const SPELLING: Readonly<Record<string, string>> = {
  books: "book",
  // ADE20K's word; "Segment the picture" could mean the photo.
  picture: "painting",
  // The 894 labels of NYUv2 spell it so.
  refridgerator: "refrigerator",
  shelves: "shelf",
  floormat: "floor mat",
  showercurtain: "shower curtain",
  nightstand: "night stand",
};

/** `Sofa` to `couch`; underscores are spaces. */
export function indoorName(label: string): string {
  const name = label.toLowerCase().replaceAll("_", " ").replace(/\s+/g, " ").trim();
  return SPELLING[name] ?? pooledName(name);
}

/**
 * The classes 1..37 of NYU40 (Gupta et al. 2013), which are also the 37 of SUN RGB-D, in their order and by their pooled names. The last three of the 40
 * (otherstructure, otherfurniture, otherprop) are left out: they gather what has no name, nothing one would ask for.
 */
export const NYU_37: readonly string[] = [
  ..."wall,floor,cabinet,bed,chair,sofa,table,door,window,bookshelf,picture,counter,blinds,desk,shelves,curtain".split(
    ",",
  ),
  ..."dresser,pillow,mirror,floormat,clothes,ceiling,books,refrigerator,television,paper,towel,showercurtain".split(
    ",",
  ),
  ..."box,whiteboard,person,nightstand,toilet,sink,lamp,bathtub,bag".split(","),
].map(indoorName);
