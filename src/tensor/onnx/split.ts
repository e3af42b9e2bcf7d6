/** Cuts off what depends on one input alone, so that it is computed once and not at every evaluation of the graph. */
import type { OnnxGraph, OnnxNode, OnnxValueInfo } from "./proto.js";

export interface SplitGraph {
  /** From that input to the values `<input>.0`, `<input>.1`, ..., in the order the graph makes them. */
  readonly prelude: OnnxGraph;
  /** The rest, which takes these values in place of the input (or beside it, where it needs the input itself too). */
  readonly main: OnnxGraph;
}

/**
 * A UNet's keys and values of the text depend on the text alone, the projections of its time embedding on the timestep
 * alone: whatever the network, the graph shows it. Null when nothing depends on `input` alone.
 */
export function splitGraph(graph: OnnxGraph, input: string): SplitGraph | null {
  const dependencies = new Map<string, ReadonlySet<string>>(graph.inputs.map(({ name }) => [name, new Set([name])]));
  const cut = new Set<OnnxNode>();
  const constant = new Set<OnnxNode>();
  for (const node of graph.nodes) {
    const found = new Set(node.inputs.flatMap((name) => [...(dependencies.get(name) ?? [])]));
    dependencies.set(node.output.name, found);
    if (found.size === 0) constant.add(node);
    else if (found.size === 1 && found.has(input)) cut.add(node);
  }
  const rest = graph.nodes.filter((node) => !cut.has(node));
  const wanted = new Set([...rest.flatMap((node) => node.inputs), ...graph.outputs.map(({ name }) => name)]);
  const handed = [...cut].map(({ output }) => output).filter(({ name }) => wanted.has(name));
  if (handed.length === 0) return null;

  const names = new Map(handed.map(({ name }, i) => [name, `${input}.${i}`]));
  const renamed = (info: OnnxValueInfo) => ({ ...info, name: names.get(info.name) ?? info.name });
  const part = (nodes: readonly OnnxNode[], inputs: readonly OnnxValueInfo[], outputs: readonly OnnxValueInfo[]) => {
    const live = liveNodes(nodes, outputs);
    const used = new Set(live.flatMap((node) => node.inputs));
    return {
      nodes: live.map((node) => ({
        ...node,
        inputs: node.inputs.map((name) => names.get(name) ?? name),
        output: renamed(node.output),
      })),
      initializers: graph.initializers.filter(({ name }) => used.has(name)),
      inputs: inputs.filter(({ name }) => used.has(name)).map(renamed),
      outputs: outputs.map(renamed),
    };
  };
  return {
    prelude: part(
      graph.nodes.filter((node) => cut.has(node) || constant.has(node)),
      graph.inputs,
      handed,
    ),
    main: part(rest, [...graph.inputs, ...handed], graph.outputs),
  };
}

/** The nodes that these values depend on, in their order. */
function liveNodes(nodes: readonly OnnxNode[], outputs: readonly OnnxValueInfo[]): OnnxNode[] {
  const needed = new Set(outputs.map(({ name }) => name));
  const live = nodes.toReversed().filter(({ output, inputs }) => {
    const isLive = needed.has(output.name);
    if (isLive) for (const name of inputs) needed.add(name);
    return isLive;
  });
  return live.reverse();
}
