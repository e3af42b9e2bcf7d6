/** The suite of the small shared data: the pool's test splits, and CamVid, which nothing here was trained on. */
import { basename, join } from "node:path";
import { type DatasetName, datasetFolder, datasetNames, listPool, openPool } from "../../datasets/pool.js";
import { taskNames } from "../../tasks/registry.js";
import { askAll, askPool } from "../questions.js";
import { type EvaluationSet, listWith, type Suite } from "./set.js";

/** A dataset of the pool, asked about the categories of `categoriesAsked`. */
export function poolSet(name: DatasetName): EvaluationSet {
  return {
    name,
    tasks: taskNames,
    asked: askPool,
    exclusive: name.startsWith("oxford-pets"),
    places: [basename(datasetFolder("", name))],
    list: (dataRoot) => listPool(dataRoot, "test", name),
    train: (dataRoot) => openPool(dataRoot, "train", [name]),
  };
}

const camvid: EvaluationSet = {
  name: "camvid",
  tasks: ["segmentation"],
  asked: askAll,
  everyPhoto: true,
  places: ["camvid"],
  list: (dataRoot) => listWith("camvid", { name: "camvid", root: join(dataRoot, "camvid"), split: "val" }),
};

/** What is measured when no suite is named. */
export const pool: Suite = { name: "pool", title: "test splits", sets: datasetNames.map(poolSet) };
export const mini: Suite = { name: "mini", title: "mini", sets: [...pool.sets, camvid] };
