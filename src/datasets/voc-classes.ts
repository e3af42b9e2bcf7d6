/** The label space of PASCAL VOC. */

/**
 * The 20 classes in the order of their palette indices 1..20, in the spelling of COCO where both sets have the class
 * (VOC says aeroplane, diningtable, motorbike, pottedplant, sofa, tvmonitor), so that pooled data has one name a thing.
 */
export const VOC_CLASSES = [
  ..."airplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow".split(","),
  ..."dining table,dog,horse,motorcycle,person,potted plant,sheep,couch,train,tv".split(","),
] as const satisfies readonly string[];

const COCO_SPELLING: Readonly<Record<string, string>> = {
  aeroplane: "airplane",
  diningtable: "dining table",
  motorbike: "motorcycle",
  pottedplant: "potted plant",
  sofa: "couch",
  tvmonitor: "tv",
};

export function cocoSpelling(name: string): string {
  return COCO_SPELLING[name] ?? name;
}
