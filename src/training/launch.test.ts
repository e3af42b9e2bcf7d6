import { expect, test } from "vitest";
import { readLaunch } from "./launch.js";

const torchrun = {
  RANK: "5",
  WORLD_SIZE: "8",
  LOCAL_RANK: "1",
  LOCAL_WORLD_SIZE: "4",
  MASTER_ADDR: "node-0",
  MASTER_PORT: "29500",
};

test("torchrun's variables; its agent serves the store and keeps it when it starts the processes again", () => {
  const expected = { rank: 5, world: 8, localRank: 1, localWorld: 4, host: "node-0", port: 29500 };
  expect(readLaunch(torchrun)).toEqual({ ...expected, serve: false, prefix: "instructcv/0/" });
  const agent = { TORCHELASTIC_USE_AGENT_STORE: "True", TORCHELASTIC_RESTART_COUNT: "2" };
  expect(readLaunch({ ...torchrun, RANK: "0" })).toMatchObject({ rank: 0, serve: true });
  expect(readLaunch({ ...torchrun, ...agent, RANK: "0" })).toMatchObject({ serve: false, prefix: "instructcv/2/" });
});

test("Slurm's variables count when the standard ones are absent", () => {
  const meeting = { MASTER_ADDR: "node-0", MASTER_PORT: "29500" };
  const slurm = { SLURM_PROCID: "3", SLURM_NTASKS: "4", SLURM_LOCALID: "1", SLURM_NTASKS_PER_NODE: "2" };
  expect(readLaunch({ ...slurm, ...meeting })).toMatchObject({ rank: 3, world: 4, localRank: 1, localWorld: 2 });
  expect(readLaunch({ ...slurm, ...torchrun })).toMatchObject({ rank: 5, world: 8 });
});

test("one process needs nothing", () => {
  expect(readLaunch({})).toBeNull();
  expect(readLaunch({ WORLD_SIZE: "1" })).toBeNull();
  expect(readLaunch({ SLURM_NTASKS: "1", SLURM_PROCID: "0" })).toBeNull();
});

test("what is missing or out of range is named", () => {
  expect(() => readLaunch({ ...torchrun, RANK: undefined })).toThrow(
    /WORLD_SIZE=8; expected RANK to be 0 to 7, found nothing/,
  );
  expect(() => readLaunch({ ...torchrun, RANK: "8" })).toThrow(/expected RANK to be 0 to 7, found 8/);
  expect(() => readLaunch({ ...torchrun, WORLD_SIZE: "two" })).toThrow(
    /expected WORLD_SIZE to be 1 to 65536, found two/,
  );
  expect(() => readLaunch({ ...torchrun, MASTER_ADDR: undefined })).toThrow(/MASTER_ADDR is not set\. Set it to/);
  expect(() => readLaunch({ ...torchrun, MASTER_PORT: undefined })).toThrow(/MASTER_PORT to be 1 to 65535/);
});
