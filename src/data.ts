/** The public API of the data side, `instructcv/data`: read datasets, build, read, check, show and export a corpus, rephrase instructions. */
export { type BuildOptions, type BuildProgress, type Built, buildCorpus } from "./corpus/build.js";
export { type CheckOptions, type CheckReport, checkCorpus } from "./corpus/check.js";
export { type CorpusConfig, parseCorpusConfig, readCorpusConfig } from "./corpus/config.js";
export { type ExportOptions, exportCorpus } from "./corpus/export/export.js";
export type { Part } from "./corpus/plan.js";
export { type Corpus, openCorpus } from "./corpus/read.js";
export type { CorpusEntry, CorpusRecord, Manifest, Shard } from "./corpus/record.js";
export { type ShowOptions, showCorpus } from "./corpus/show/show.js";
export { getReader, placeOf, type ReaderName, readerNames } from "./datasets/registry.js";
export {
  type AnnotatedBox,
  type LabelledPhoto,
  type OwnQuestion,
  type Place,
  photosOf,
  type Reader,
  Skipped,
} from "./datasets/sample.js";
export { type Bank, bank, type Wordings } from "./instructions/bank.js";
export { lintBank, lintLine, type Problem } from "./instructions/lint.js";
export { loadBank } from "./instructions/rephrase/bank-file.js";
