"""The work of the original InstructCV data builder in one Python process, written anew: the yardstick of the corpus bench.

usage: original_builder.py REQUEST.json [--decode-once | --own-size]

REQUEST.json (src/bench/corpus-questions.ts): {"data", "out", "size", "jpeg_quality", "box_outline", "questions": [...]}, a question being
{"key", "reader", "path", "task", "category", "present", "instruction", "positive", "negative", "label"}. Paths are relative to `data`.
`label` says which native file answers it and how it is read:
  {"png": mask, "white": [values], "grey": value or -1}      segmentation of a label map (VOC, NYUv2, the trimaps of Pets)
  {"annotations": json, "file": name of the photo}           segmentation and detection of COCO
  {"png": trimap, "background": value}                       detection of Pets: the tight box of all that is not background
  {"boxes": [[x1, y1, x2, y2], ...]}                         detection of VOC, pixels of the photo, half-open
  {"depth": png, "levels_per_metre": l}                      depth
  {}                                                         classification
Prints one JSON line; `seconds` covers the annotation index and all samples, not the imports and not the reading of the request.

What is mirrored: build_data/format_dataset_rp.py, format_dataset_fp.py and generate_seed.py of the original and the resize of its
edit_dataset.py: Pillow, numpy, one process, one sample after the other, the photo opened anew for each category. What differs:
  - The original saves photo and target at the photo's own size, and its loader squashes both (Lanczos) for every sample of every epoch.
    Here they are squashed first, so that both builders write the same pictures. `--own-size` does as the original.
  - `--decode-once` keeps a photo open for all its samples, which the original does not do.
  - Its ADE20K masks are painted pixel by pixel in a Python loop and its COCO polygons by OpenCV; here by numpy and Pillow.
  - Unknown pixels of a mask become grey as in ours; boxes of Pets are the animal's, from the trimap, not the head's, from XML.
  - The sentences are given; the original draws a line of a text file for each sample.
"""
import json
import os
import sys
import time

import numpy as np
import PIL
from PIL import Image, ImageDraw


class Photo:
    """`Image.open(path).convert("RGB")` as everywhere in the original: decoded in full, EXIF rotation not applied."""

    def __init__(self, path, size):
        whole = Image.open(path).convert("RGB")
        self.own_size = whole.size
        # The filter of the original's loader: both pictures squashed to a square with LANCZOS.
        self.picture = whole.resize(size, Image.Resampling.LANCZOS) if size else whole


class Builder:
    def __init__(self, request, decode_once, own_size):
        self.data, self.out, self.share, self.decode_once = request["data"], request["out"], request["box_outline"], decode_once
        self.size = None if own_size else (request["size"],) * 2
        # The original takes Pillow's defaults, quality 75 and chroma at half size; for equal pictures those of ours.
        self.jpeg = {} if own_size else {"quality": request["jpeg_quality"], "subsampling": 0}
        self.photo = self.photo_key = self.labels = self.labels_path = None
        self.coco = {}

    def photo_of(self, q):
        """
        The original opens the photo anew for every (photo, category): once a category in proc_coco, once a class in proc_adechan2016.
        Only classification makes its many samples, present and absent categories, from one open photo.
        """
        category = None if q["task"] == "classification" else q["category"]
        key = q["path"] if self.decode_once else (q["path"], q["task"], category)
        if key != self.photo_key:
            self.photo, self.photo_key = Photo(os.path.join(self.data, q["path"]), self.size), key
        return self.photo

    def label_map(self, path):
        """proc_adechan2016 opens a label map once a photo and picks its classes from one array."""
        if path != self.labels_path:
            self.labels, self.labels_path = np.array(Image.open(os.path.join(self.data, path))), path
        return self.labels

    def coco_index(self, path):
        """preproc_coco: the whole JSON is parsed once, then boxes and polygons are filed by photo and category; crowds have no mask."""
        if path not in self.coco:
            with open(os.path.join(self.data, path)) as file:
                content = json.load(file)
            names = {category["id"]: category["name"].lower() for category in content["categories"]}
            files = {image["id"]: image["file_name"] for image in content["images"]}
            index = {}
            for annotation in content["annotations"]:
                photo = index.setdefault(files.get(annotation["image_id"]), {})
                found = photo.setdefault(names[annotation["category_id"]], {"boxes": [], "polygons": []})
                x, y, width, height = annotation["bbox"]
                found["boxes"].append([x, y, x + width, y + height])
                if not annotation.get("iscrowd"):
                    found["polygons"].extend(annotation["segmentation"])
            self.coco[path] = index
        return self.coco[path]

    def coco_objects(self, q):
        here = self.coco_index(q["label"]["annotations"]).get(q["label"]["file"], {})
        return here.get(q["category"], {"boxes": [], "polygons": []})

    def segmentation(self, q, photo):
        """White where the class is, black elsewhere, as proc_coco and proc_adechan2016 draw it; unknown is grey as in ours."""
        label = q["label"]
        if "annotations" in label:
            whole = Image.new("L", photo.own_size)
            draw = ImageDraw.Draw(whole)
            for polygon in self.coco_objects(q)["polygons"]:
                # proc_coco cuts the corners to whole pixels before it fills; so does Pillow.
                if len(polygon) >= 6:
                    draw.polygon(polygon, fill=255)
            return self.by_majority(whole).convert("RGB")
        labels = self.label_map(label["png"])
        levels = np.where(np.isin(labels, label["white"]), 255, 0).astype(np.uint8)
        unknown = labels == label["grey"]
        if not unknown.any():
            return self.by_majority(Image.fromarray(levels)).convert("RGB")
        levels[unknown] = 128
        target = self.by_majority(Image.fromarray(levels))
        target.paste(128, mask=self.by_majority(Image.fromarray(unknown.astype(np.uint8) * 255), 129))
        return target.convert("RGB")

    def by_majority(self, levels, least=128):
        """Two grey levels stay two when squashed; the Lanczos of the original's loader would leave grey edges."""
        shrunk = levels.resize(self.size, Image.Resampling.BOX) if self.size else levels
        return shrunk.point([255 if level >= least else 0 for level in range(256)])

    def detection(self, q, photo):
        """get_bbox_img opens the photo a second time, copies it and outlines every box in blue, 4 pixels wide."""
        if not self.decode_once:
            photo = Photo(os.path.join(self.data, q["path"]), self.size)
        picture = photo.picture.copy()
        draw = ImageDraw.Draw(picture)
        boxes = self.boxes_of(q)
        for box in boxes:
            sides = list(zip(picture.size * 2, photo.own_size * 2))
            x1, y1, x2, y2 = (int(min(max(edge * s / own, 0), s) + 0.5) for edge, (s, own) in zip(box, sides))
            shorter = min(x2 - x1, y2 - y1)
            # On pictures this small 4 pixels would fill a small box: at most a third of its side, as in ours.
            thick = min(4, shorter // 3) if self.share is None else int(self.share * shorter + 0.5)
            draw.rectangle((x1, y1, x2 - 1, y2 - 1), outline="blue", width=max(1, thick))
        return picture, boxes

    def boxes_of(self, q):
        label = q["label"]
        if "boxes" in label:
            return label["boxes"]
        if "annotations" in label:
            return self.coco_objects(q)["boxes"]
        if not q["present"]:
            return []
        rows, columns = np.nonzero(self.label_map(label["png"]) != label["background"])
        return [[int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]] if len(rows) else []

    def depth(self, q):
        """proc_nyuv2_all hands the 8-bit depth PNG on as it is: grey, 0 to 10 m."""
        grey = Image.open(os.path.join(self.data, q["label"]["depth"]))
        grey = grey.resize(self.size, Image.Resampling.BOX) if self.size else grey
        scale = 25.5 / q["label"]["levels_per_metre"]
        if scale != 1:
            grey = grey.point([min(255, int(level * scale + 0.5)) for level in range(256)])
        return grey.convert("RGB")

    def build(self, q):
        """generate_sample: a folder a sample, the photo as JPEG `_0.jpg`, the target as PNG `_1.png`, the sentence in `prompt.json`."""
        photo = self.photo_of(q)
        folder = os.path.join(self.out, q["key"])
        os.mkdir(folder)
        if q["task"] == "segmentation":
            target = self.segmentation(q, photo)
        elif q["task"] == "detection":
            target, boxes = self.detection(q, photo)
            # proc_coco keeps the boxes beside the pictures.
            write_json(os.path.join(folder, "bbox.json"), {"bbox": boxes})
        elif q["task"] == "depth":
            target = self.depth(q)
        else:
            # get_class_img: the whole frame in one colour.
            target = Image.new("RGB", photo.picture.size, tuple(q["positive"] if q["present"] else q["negative"]))
        photo.picture.save(os.path.join(folder, f"{q['key']}_0.jpg"), **self.jpeg)
        target.save(os.path.join(folder, f"{q['key']}_1.png"))
        write_json(os.path.join(folder, "prompt.json"), {"edit": q["instruction"]})


def write_json(path, value):
    with open(path, "w") as file:
        file.write(json.dumps(value))


def main():
    with open(sys.argv[1]) as file:
        request = json.load(file)
    builder = Builder(request, "--decode-once" in sys.argv[2:], "--own-size" in sys.argv[2:])
    started, cpu_started = time.perf_counter(), time.process_time()
    os.makedirs(request["out"], exist_ok=True)
    for question in request["questions"]:
        builder.build(question)
    # generate_seed.py: the list of all samples, which the original's loader reads.
    names = [name for name in os.listdir(request["out"]) if name != "seeds.json"]
    write_json(os.path.join(request["out"], "seeds.json"), [[name, [name]] for name in names])
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    samples = len(request["questions"])
    figures = {"samples": samples, "seconds": round(seconds, 3), "samples_per_second": round(samples / seconds, 2)}
    print(json.dumps({**figures, "cpu_seconds": round(cpu, 3), "pillow": PIL.__version__, "numpy": np.__version__}))


if __name__ == "__main__":
    main()
