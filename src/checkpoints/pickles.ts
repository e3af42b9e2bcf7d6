/** Pickled weights run code when they are loaded: they are refused, with the ways to get safetensors. */
import { basename, extname } from "node:path";
import { InstructCvError } from "../errors.js";

const extensions = new Set([".bin", ".ckpt", ".pt", ".pth", ".pkl"]);

/** Whether a file name is one of pickled weights. */
export function isPickle(path: string): boolean {
  return extensions.has(extname(path).toLowerCase());
}

/** `where` is the folder or model it belongs to, as diffusers would be given it; undefined for a file that stands alone. */
export function pickleRefused(file: string, where?: string): InstructCvError {
  return new InstructCvError(
    "checkpoint",
    `${file} is a pickle: such a file can run any code when it is loaded, so it is never loaded here.`,
    where === undefined ? cureOfFile(file) : cureOfFolder(where),
  );
}

function cureOfFile(file: string): string {
  const name = basename(file, extname(file));
  return (
    `Convert it once, with a loader that refuses code: python -c "import torch, safetensors.torch as s; ` +
    `w = torch.load('${basename(file)}', map_location='cpu', weights_only=True); ` +
    `s.save_file({k: v.contiguous().clone() for k, v in w.get('state_dict', w).items() if torch.is_tensor(v)}, '${name}.safetensors')"`
  );
}

function cureOfFolder(where: string): string {
  const name = basename(where);
  return (
    "Many models on the hub have safetensors elsewhere: as an fp16 variant (--variant fp16) or in a revision such as " +
    "refs/pr/1 (--revision refs/pr/1; see the model's pull requests). If you trust this one, convert it once: " +
    `python -c "from diffusers import DiffusionPipeline as P; P.from_pretrained('${where}')` +
    `.save_pretrained('${name}-safetensors')"`
  );
}
