/** Category names that parsing knows, only to find the thing in a free sentence: any other name is passed on as it is. */
import { plural, singulars } from "./grammar.js";

const list = (text: string) => text.split(",").map((name) => name.trim());

/** PASCAL VOC in the spelling of COCO, and the 80 classes of COCO. */
const COCO = list(
  `person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, parking meter, bench, bird,
  cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard,
  sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl,
  banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv,
  laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear,
  hair drier, toothbrush`,
);
const PETS = list(
  `abyssinian, bengal, birman, bombay, british shorthair, egyptian mau, maine coon, persian, ragdoll, russian blue, siamese, sphynx,
  american bulldog, american pit bull terrier, basset hound, beagle, boxer, chihuahua, english cocker spaniel, english setter,
  german shorthaired, great pyrenees, havanese, japanese chin, keeshond, leonberger, miniature pinscher, newfoundland, pomeranian, pug,
  saint bernard, samoyed, scottish terrier, shiba inu, staffordshire bull terrier, wheaten terrier, yorkshire terrier`,
);
const STREETS = list("sky, building, pole, road, pavement, tree, sign, fence, pedestrian, bicyclist");
/**
 * NYU40 and the 150 classes of ADE20K, where COCO has no word for them. Words of our own sentences (box, case, screen, light, glass) are left
 * out: they are found where nothing else is named.
 */
const ROOMS = list(
  `wall, floor, ceiling, window, windowpane, door, screen door, cabinet, table, coffee table, pool table, curtain, shower curtain, shelf,
  counter, countertop, kitchen island, blinds, desk, mirror, pillow, cushion, lamp, bathtub, bag, towel, night stand, bookshelf, dresser,
  chest of drawers, wardrobe, whiteboard, rug, floor mat, painting, poster, paper, clothes, grass, earth, field, sand, mountain, hill, plant,
  palm, flower, rock, house, skyscraper, tower, bridge, sidewalk, path, runway, stairs, stairway, staircase, railing, bannister, column, sea,
  lake, river, waterfall, flag, armchair, swivel chair, stool, ottoman, fireplace, basket, barrel, ball, toy, shoe, hat, fountain,
  swimming pool, crt screen, computer, chandelier, sconce, streetlight, awning, van, ship, conveyer belt, arcade machine, dishwasher, washer,
  stove, radiator, sculpture, blanket, bulletin board, ashcan`,
);

export const knownCategories: readonly string[] = [...new Set([...COCO, ...PETS, ...STREETS, ...ROOMS])];

const SYNONYMS: Readonly<Record<string, string>> = {
  aeroplane: "airplane",
  plane: "airplane",
  jet: "airplane",
  bike: "bicycle",
  motorbike: "motorcycle",
  automobile: "car",
  lorry: "truck",
  sofa: "couch",
  settee: "couch",
  tvmonitor: "tv",
  "tv monitor": "tv",
  "tv set": "tv",
  television: "tv",
  diningtable: "dining table",
  pottedplant: "potted plant",
  houseplant: "potted plant",
  "pot plant": "potted plant",
  puppy: "dog",
  doggy: "dog",
  doggie: "dog",
  hound: "dog",
  kitten: "cat",
  kitty: "cat",
  pony: "horse",
  foal: "horse",
  lamb: "sheep",
  human: "person",
  man: "person",
  woman: "person",
  child: "person",
  boy: "person",
  girl: "person",
  "mobile phone": "cell phone",
  cellphone: "cell phone",
  phone: "cell phone",
  smartphone: "cell phone",
  hydrant: "fire hydrant",
  "traffic signal": "traffic light",
  fridge: "refrigerator",
  doughnut: "donut",
  "tennis racquet": "tennis racket",
  hairdryer: "hair drier",
  "hair dryer": "hair drier",
  "remote control": "remote",
  "computer mouse": "mouse",
  mug: "cup",
  rucksack: "backpack",
  purse: "handbag",
  nightstand: "night stand",
  bookcase: "bookshelf",
  shiba: "shiba inu",
  cyclist: "bicyclist",
};

const names = new Map<string, string>();
for (const name of knownCategories) names.set(name, name);
for (const [synonym, name] of Object.entries(SYNONYMS)) names.set(synonym, name);

/** Words in the longest known name. */
export const LONGEST_NAME = 4;

/** The category a name, a synonym or a plural of either stands for; undefined when it is not known. Lower case. */
export function canonicalCategory(words: string): string | undefined {
  const spaced = words.replaceAll("-", " ");
  const direct = names.get(spaced);
  if (direct) return direct;
  for (const one of singulars(spaced)) {
    const name = names.get(one);
    if (name && plural(one) === spaced) return name;
  }
  return undefined;
}
