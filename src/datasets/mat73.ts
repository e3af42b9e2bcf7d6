/** MATLAB 7.3 files (HDF5 behind a text block), read part by part: an array may be larger than memory. */
import { Dataset, File, type Reference, ready } from "h5wasm/node";
import { InstructCvError } from "../errors.js";

/** MATLAB writes arrays column-major, so HDF5 shows the dimensions in reverse: `[480 640 3 1449]` comes as `[1449, 3, 640, 480]`. */
export interface Mat73 {
  /** The dimensions, slowest first. */
  shape(array: string): readonly number[];
  /** All of `array[index]` along the slowest dimension. */
  part(array: string, index: number): Uint8Array | Uint16Array | Float32Array;
  /** A cell of strings. */
  strings(array: string): string[];
}

/** Open files of this process, kept open: opening seeks over the whole file, and a photo reads it three times. */
const files = new Map<string, Mat73>();

/**
 * @throws {InstructCvError} "dataset" when the file is missing, cut short or no MATLAB 7.3 file; its methods throw it for an array that
 * is missing or damaged
 */
export async function openMat73(path: string): Promise<Mat73> {
  const known = files.get(path);
  if (known) return known;
  const engine = await ready;
  // Otherwise errors go to stderr and reading goes on with nonsense.
  engine.activate_throwing_error_handler();
  const file = attempt(path, "a whole MATLAB 7.3 (HDF5) file", () => new File(path, "r"));
  const array = (name: string): Dataset => {
    const found = attempt(path, `an array ${name}`, () => file.get(name));
    if (found instanceof Dataset) return found;
    throw new InstructCvError("dataset", `${path}: expected an array ${name}, found ${file.keys().join(", ")}.`);
  };
  const mat: Mat73 = {
    shape: (name) => array(name).shape ?? [],
    part(name, index) {
      const from = array(name);
      const rest = (from.shape ?? []).slice(1).map((): [] => []);
      return attempt(path, `${name}(${index + 1})`, () => from.slice([[index, index + 1], ...rest])) as Uint8Array;
    },
    strings: (name) =>
      attempt(path, `strings in ${name}`, () =>
        (array(name).value as Reference[]).map((reference) => {
          const text: unknown = file.dereference(reference);
          if (!(text instanceof Dataset)) throw new Error(`${name} refers to nothing`);
          return String.fromCharCode(...(text.value as Uint16Array));
        }),
      ),
  };
  files.set(path, mat);
  return mat;
}

/** Runs one call of the HDF5 library, whose errors are a stack of many lines: the innermost says why. */
function attempt<T>(path: string, expected: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InstructCvError) throw error;
    const reasons = [...String((error as Error).message).matchAll(/line \d+ in \w+\(\): (.*)/g)];
    const why = reasons.at(-1)?.[1] ?? String((error as Error).message).split("\n")[0];
    throw new InstructCvError(
      "dataset",
      `${path}: expected ${expected}, found a file that cannot be read so (${why}).`,
      "Check that the download is complete.",
    );
  }
}
