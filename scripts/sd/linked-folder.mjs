/** A checkpoint folder of links to another one, with its own defaults and scheduler. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** `defaults` becomes instructcv.json; `scheduler`, where given, scheduler/scheduler_config.json. The caller removes the folder. */
export function linkedFolder(dir, { defaults, scheduler }) {
  const folder = mkdtempSync(path.join(tmpdir(), "instructcv-sd-"));
  link(path.resolve(dir), folder);
  const own = (name, value) => {
    rmSync(path.join(folder, name), { force: true });
    writeFileSync(path.join(folder, name), JSON.stringify(value));
  };
  own("instructcv.json", defaults);
  if (scheduler) own("scheduler/scheduler_config.json", scheduler);
  return folder;
}

/** Folders as they are, files as links: what a hub cache looks like. */
function link(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) link(source, target);
    else symlinkSync(source, target);
  }
}
