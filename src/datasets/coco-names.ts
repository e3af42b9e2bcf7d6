/** One name a thing in pooled data: COCO's where COCO has the thing, so that sets that call it otherwise agree. */

/** The 80 categories of COCO 2017 in the order of their ids. */
export const COCO_CLASSES: readonly string[] = [
  ..."person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign".split(","),
  ..."parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella".split(","),
  ..."handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove".split(","),
  ..."skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple".split(","),
  ..."sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed".split(","),
  ..."dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink".split(","),
  ..."refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush".split(","),
];

/** Words of ADE20K, FSS-1000 and ImageNet for a thing that COCO calls otherwise. */
const COCO_SPELLING: Readonly<Record<string, string>> = {
  aeroplane: "airplane",
  // NYUv2's word: neither is COCO's.
  bookcase: "bookshelf",
  "cellular telephone": "cell phone",
  cellphone: "cell phone",
  "computer keyboard": "keyboard",
  doughnut: "donut",
  "hair dryer": "hair drier",
  hotdog: "hot dog",
  minibike: "motorcycle",
  motorbike: "motorcycle",
  "remote control": "remote",
  sofa: "couch",
  television: "tv",
  "television receiver": "tv",
  wineglass: "wine glass",
};

const coco = new Set(COCO_CLASSES);

/**
 * The lower-case name of a thing whose synonyms are written as WordNet does, `sofa, couch, lounge`: the first synonym that is a
 * category of COCO, else COCO's word for the first that has one, else the first synonym.
 */
export function pooledName(synonyms: string): string {
  const names = synonyms.split(",").map((name) => name.trim().toLowerCase());
  return names.find((name) => coco.has(name)) ?? names.flatMap((name) => COCO_SPELLING[name] ?? [])[0] ?? names[0]!;
}
