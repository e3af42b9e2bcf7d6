/** Instructions: wordings of the tasks for training, and free sentences back to tasks. */
export { type Bank, bank, type Wordings } from "./bank.js";
export { lintBank, lintLine, type Problem } from "./lint.js";
export { type ParsedInstruction, parseInstruction } from "./parse.js";
export { renderInstruction } from "./render.js";
export { restate } from "./restate.js";
