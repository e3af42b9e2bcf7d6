/** The label space of the Oxford-IIIT Pets: two species and 37 breeds. */

export type Species = "cat" | "dog";

const CATS =
  "abyssinian,bengal,birman,bombay,british shorthair,egyptian mau,maine coon,persian,ragdoll,russian blue,siamese,sphynx".split(
    ",",
  );
const DOGS =
  "american bulldog,american pit bull terrier,basset hound,beagle,boxer,chihuahua,english cocker spaniel,english setter,german shorthaired,great pyrenees,havanese,japanese chin,keeshond,leonberger,miniature pinscher,newfoundland,pomeranian,pug,saint bernard,samoyed,scottish terrier,shiba inu,staffordshire bull terrier,wheaten terrier,yorkshire terrier".split(
    ",",
  );

/** Species first, then all breeds: what a Pets photo says about presence and absence. */
export const PET_CATEGORIES: readonly string[] = ["cat", "dog", ...CATS, ...DOGS];

/** What the boxes of `annotations/xmls` frame. */
export const HEADS: Readonly<Record<Species, string>> = { cat: "cat head", dog: "dog head" };

/** `american_bulldog_12` -> american bulldog, dog; undefined when the name is of no known breed. */
export function breedOf(imageName: string): { breed: string; species: Species } | undefined {
  const breed = imageName.replace(/_\d+$/, "").replaceAll("_", " ").toLowerCase();
  if (CATS.includes(breed)) return { breed, species: "cat" };
  if (DOGS.includes(breed)) return { breed, species: "dog" };
  return undefined;
}
