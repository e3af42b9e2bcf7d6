/** The peft settings that diffusers keeps in the header of an adapter's file: how strongly each layer counts. */
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { type LoraName, longTextName } from "./lora-names.js";
import type { SafetensorsFile } from "./safetensors.js";

const key = "lora_adapter_metadata";

/** peft's LoraConfig, as far as it bears on scale. */
const settingsSchema = z.object({
  lora_alpha: z.number().default(8),
  use_rslora: z.boolean().default(false),
  /** Alpha of the modules whose name ends in (`^`: is) the key. */
  alpha_pattern: z.record(z.string(), z.number()).default({}),
});

/** The scale of a layer without an alpha of its own; 1 in a file without settings for its network. */
export function settingsScale(file: SafetensorsFile, name: LoraName, rank: number): number {
  const text = file.metadata[key];
  if (text === undefined || name.style === "kohya") return 1;
  const settings = settingsOf(file, text, name.prefix);
  if (!settings) return 1;
  const pattern = Object.keys(settings.alpha_pattern).find((one) => matches(file, one, name));
  const alpha = pattern === undefined ? settings.lora_alpha : settings.alpha_pattern[pattern]!;
  return alpha / (settings.use_rslora ? Math.sqrt(rank) : rank);
}

/** Keys carry the network's prefix: `unet.lora_alpha`. */
function settingsOf(file: SafetensorsFile, text: string, prefix: string) {
  let all: unknown;
  try {
    all = JSON.parse(text);
  } catch {
    throw wrong(file, "is not JSON");
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(all);
  if (!parsed.success) throw wrong(file, "is not a JSON object");
  const own = Object.entries(parsed.data).filter(([name]) => name.startsWith(prefix));
  if (own.length === 0) return undefined;
  const settings = settingsSchema.safeParse(Object.fromEntries(own.map(([name, v]) => [name.slice(prefix.length), v])));
  if (settings.success) return settings.data;
  const problems = settings.error.issues.map(({ path, message }) => `${prefix}${path.join(".")}: ${message}`);
  throw wrong(file, `has ${problems.join("; ")}`);
}

/** peft takes the first pattern that matches; it allows regular expressions, which adapters in the wild do not use. */
function matches(file: SafetensorsFile, pattern: string, { module, part }: LoraName): boolean {
  if (!/^\^?[\w.]+$/.test(pattern)) throw wrong(file, `has the alpha_pattern "${pattern}", expected a module's name`);
  const end = pattern.replace("^", "");
  const whole = part === "text_encoder" ? longTextName(end) : end;
  return module === whole || (!pattern.startsWith("^") && module.endsWith(`.${end}`));
}

function wrong({ path }: SafetensorsFile, problem: string): InstructCvError {
  return new InstructCvError("checkpoint", `${path}: its ${key} ${problem}.`, "Save the adapter again with diffusers.");
}
