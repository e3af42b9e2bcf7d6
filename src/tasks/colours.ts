/** The few colours an instruction may name; far apart in RGB, so that a model and a decoder can tell them apart. */
import type { NamedColour, Slots } from "./task.js";

export const palette = [
  { name: "red", rgb: [255, 0, 0] },
  { name: "green", rgb: [0, 255, 0] },
  { name: "blue", rgb: [0, 0, 255] },
  { name: "yellow", rgb: [255, 255, 0] },
  { name: "white", rgb: [255, 255, 255] },
  { name: "black", rgb: [0, 0, 0] },
] as const satisfies readonly NamedColour[];

/** What a question that names no colours means: green = yes, red = no. */
export const defaultColours: { readonly positive: NamedColour; readonly negative: NamedColour } = {
  positive: palette[1],
  negative: palette[0],
};

/** The colour of that name (lower case), if the palette has it. */
export function colour(name: string): NamedColour | undefined {
  return palette.find((entry) => entry.name === name);
}

/** The colours of classification slots; what they leave open is the default, or the other default if that is taken. */
export function slotColours(slots: Slots): { positive: NamedColour; negative: NamedColour } {
  const { positive: yes, negative: no } = defaultColours;
  const positive = slots.positive ?? (slots.negative?.name === yes.name ? no : yes);
  return { positive, negative: slots.negative ?? (positive.name === no.name ? yes : no) };
}
