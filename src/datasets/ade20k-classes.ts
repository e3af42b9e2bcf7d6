/** The 150 classes of ADE20K's scene parsing benchmark, and the 100 of them whose instances are told apart. */
import { pooledName } from "./coco-names.js";

/**
 * In the order of the mask values 1..150. Names follow one rule: the first synonym of `objectInfo150.txt` in lower case, but COCO's
 * word where COCO has the same thing, and NYUv2's bookshelf (airplane, bicycle, couch for sofa, motorcycle for minibike, tv for television ...). ADE's
 * `plant`, `table`, `glass` and `stove` are wider than or beside COCO's potted plant, dining table, wine glass and oven and keep their names.
 */
export const ADE20K_CLASSES: readonly string[] = [
  ..."wall,building,sky,floor,tree,ceiling,road,bed,windowpane,grass,cabinet,sidewalk,person,earth,door,table".split(
    ",",
  ),
  ..."mountain,plant,curtain,chair,car,water,painting,couch,shelf,house,sea,mirror,rug,field,armchair,seat".split(","),
  ..."fence,desk,rock,wardrobe,lamp,bathtub,railing,cushion,base,box,column,signboard,chest of drawers".split(","),
  ..."counter,sand,sink,skyscraper,fireplace,refrigerator,grandstand,path,stairs,runway,case,pool table".split(","),
  ..."pillow,screen door,stairway,river,bridge,bookshelf,blind,coffee table,toilet,flower,book,hill,bench".split(","),
  ..."countertop,stove,palm,kitchen island,computer,swivel chair,boat,bar,arcade machine,hovel,bus,towel".split(","),
  ..."light,truck,tower,chandelier,awning,streetlight,booth,tv,airplane,dirt track,apparel,pole,land".split(","),
  ..."bannister,escalator,ottoman,bottle,buffet,poster,stage,van,ship,fountain,conveyer belt,canopy".split(","),
  ..."washer,plaything,swimming pool,stool,barrel,basket,waterfall,tent,bag,motorcycle,cradle,oven,ball".split(","),
  ..."food,step,tank,trade name,microwave,pot,animal,bicycle,lake,dishwasher,screen,blanket,sculpture".split(","),
  ..."hood,sconce,vase,traffic light,tray,ashcan,fan,pier,crt screen,plate,monitor,bulletin board,shower".split(","),
  ..."radiator,glass,clock,flag".split(","),
];

/** Regions without countable instances, and classes that the instance annotations left out for having few. */
const NOT_COUNTED = new Set([
  ..."wall,building,sky,floor,tree,ceiling,road,grass,sidewalk,earth,mountain,plant,water,house,sea,rug".split(","),
  ..."field,rock,base,sand,skyscraper,grandstand,path,runway,stairway,river,bridge,blind,hill,bar,hovel".split(","),
  ..."tower,dirt track,land,escalator,buffet,poster,stage,conveyer belt,canopy,swimming pool,waterfall".split(","),
  ..."tent,cradle,tank,lake,blanket,pier,crt screen,shower".split(","),
]);

/** In the order of the class ids 1..100 of `annotations_instance`, which is the order of the 150 classes. */
export const ADE20K_INSTANCE_CLASSES: readonly string[] = ADE20K_CLASSES.filter((name) => !NOT_COUNTED.has(name));

/** The names in an `objectInfo150.txt` (a head line, then tab-separated index, ratio, train, val, synonyms), as above. */
export function namesOfObjectInfo(text: string): string[] {
  const rows = text.split(/\r?\n/).slice(1);
  return rows.flatMap((row) => (row.trim() === "" ? [] : [pooledName(row.split("\t").at(-1)!)]));
}
