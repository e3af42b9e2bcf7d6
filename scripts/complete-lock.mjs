/**
 * Adds to package-lock.json the optional platform packages (`@rollup/rollup-darwin-arm64` and the like) that a partial
 * registry mirror did not offer when the lock was written: npm leaves them out of the lock and then refuses it in
 * `npm ci`. Run `npm run lock` after every `npm install <package>`; it changes nothing when the lock is complete.
 */
import { readFileSync, writeFileSync } from "node:fs";

const file = "package-lock.json";
const lock = JSON.parse(readFileSync(file, "utf8"));
const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm64", "x64", "ia32", "arm", "loong64", "ppc64", "riscv64", "s390x", "mips64el"];

/** os, cpu and libc as the package's own manifest states them, read off its name. */
function platform(name) {
  const words = name.split("/").at(-1).split("-");
  const os = systems.filter((s) => words.includes(s));
  const cpu = processors.filter((p) => words.includes(p));
  const libc = words.some((w) => w.startsWith("musl"))
    ? ["musl"]
    : words.includes("gnu") && os[0] === "linux"
      ? ["glibc"]
      : [];
  return { ...(os.length && { os }), ...(cpu.length && { cpu }), ...(libc.length && { libc }) };
}

const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const present = `node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages;
    if (present || !/^\d+\.\d+\.\d+$/.test(range)) continue;
    lock.packages[`node_modules/${name}`] = {
      version: range,
      ...(entry.dev && { dev: true }),
      optional: true,
      ...platform(name),
    };
    added.push(`${name}@${range}`);
  }
}
if (added.length > 0) {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
console.log(added.length > 0 ? `added ${added.length}: ${added.join(" ")}` : "package-lock.json is complete");
